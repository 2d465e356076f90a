import type { Schema } from "../api/client";
import type { UpdateName, UpdatePolicy, UpdatePolicyBody, UpdatePolicyPatch } from "../api/updates";
import { nameText, typesText } from "./words";

/** What a policy says, without what the server adds to it. */
export const bodyOf = (p: UpdatePolicy): UpdatePolicyBody => ({
  tsig_id: p.tsig_id,
  names: p.names,
  types: p.types,
  types_except: p.types_except,
  comment: p.comment,
});

const plain = (names: readonly UpdateName[]) => names.map((n) => [n.match, n.match === "self" ? "" : (n.name ?? "")]);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What to send for an edit: the members that differ from what was seen. Which types are let in is one thing, said by two members. */
export function changesOf(seen: UpdatePolicyBody, now: UpdatePolicyBody): UpdatePolicyPatch {
  const types = (p: UpdatePolicyBody) => (p.types ? [p.types, []] : [null, p.types_except ?? []]);
  return {
    ...(seen.tsig_id !== now.tsig_id && { tsig_id: now.tsig_id }),
    ...(!same(plain(seen.names), plain(now.names)) && { names: now.names }),
    ...(!same(types(seen), types(now)) && (now.types ? { types: now.types } : { types: null, types_except: now.types_except ?? [] })),
    ...((seen.comment ?? "") !== (now.comment ?? "") && { comment: now.comment ?? "" }),
  };
}

/** The members of a change in words, by what they are called in the form. */
export function inWords(p: UpdatePolicyPatch, keys: readonly Schema<"TSIG">[]): Record<string, unknown> {
  return {
    ...(p.tsig_id !== undefined && { Key: keys.find((k) => k.id === p.tsig_id)?.name ?? p.tsig_id }),
    ...(p.names !== undefined && { Names: p.names.map(nameText) }),
    ...(p.types !== undefined && { Types: typesText({ types: p.types, types_except: p.types_except ?? [] }) }),
    ...(p.comment !== undefined && { Comment: p.comment }),
  };
}
