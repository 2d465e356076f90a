import type { UpdateName, UpdatePolicy } from "../api/updates";
import { toUnicode } from "../ui/unicode";

/** What each way to match a name lets in. */
export const matches = {
  exact: ["This name", "The name alone."],
  subtree: ["A name and all below", "The zone's own name, or @, is all of the zone."],
  wildcard: ["A pattern", "The label * stands for one label or more: _acme-challenge.* is that label before every name of the zone."],
  self: ["The key's own name", "The name that the key has."],
} as const satisfies Record<UpdateName["match"], readonly [label: string, text: string]>;

/** Types that nobody may change unless they are named: they decide who is authoritative, and who signs. */
export const guarded = "NS, SOA, DS, DNSKEY, CDS, CDNSKEY, CSYNC and NSEC3PARAM";

/** A rule about names in a few words. */
export function nameText(n: UpdateName): string {
  const name = toUnicode(n.name ?? "");
  return { exact: name, subtree: `${name} and below`, wildcard: name, self: "the key's own name" }[n.match];
}

/** The types of a policy in a few words. */
export function typesText(p: Pick<UpdatePolicy, "types" | "types_except">): string {
  if (p.types !== null) return p.types.join(", ");
  return p.types_except.length === 0 ? "All" : `All but ${p.types_except.join(", ")}`;
}

export type Draft = { names: UpdateName[]; types: string[] | null };

const reverse = /(^|\.)(in-addr|ip6)\.arpa$/;

/** What keys are mostly let in for. */
export function templates(zone: string): readonly (readonly [label: string, draft: Draft])[] {
  const dhcp: Draft = reverse.test(zone)
    ? { names: [{ match: "subtree", name: zone }], types: ["PTR", "DHCID"] }
    : { names: [{ match: "subtree", name: `dyn.${zone}` }], types: ["A", "AAAA", "DHCID", "TXT"] };
  return [
    ["Certificates (ACME DNS-01)", { names: [{ match: "wildcard", name: "_acme-challenge.*" }], types: ["TXT"] }],
    ["DHCP", dhcp],
    ["Everything", { names: [{ match: "subtree", name: zone }], types: null }],
  ];
}
