import type { Schema } from "../api/client";
import { checkContent, checkField, checkName, checkPriority, checkTags, proxiable } from "./check";
import { recordTypes } from "./types";

/** A record as its form holds it: all text. */
export type Draft = {
  type: string;
  name: string;
  content: string;
  priority: string;
  data: Record<string, string>;
  ttl: string;
  proxied: boolean;
  comment: string;
  tags: string[];
};

const presets = (type: string) =>
  Object.fromEntries((recordTypes[type]?.data ?? []).map((f) => [f.member, f.preset ?? ""]));

/** A draft of a new record. */
export function newDraft(type = "A"): Draft {
  return { type, name: "", content: "", priority: "10", data: presets(type), ttl: "1", proxied: false, comment: "", tags: [] };
}

/** The same draft for another type. What was typed stays: fields that both have keep it, and a content waits for a type that has one. */
export function withType(d: Draft, type: string): Draft {
  const before = presets(d.type);
  const typed = Object.entries(d.data).filter(([member, value]) => value !== (before[member] ?? ""));
  return { ...d, type, data: { ...presets(type), ...Object.fromEntries(typed) }, proxied: d.proxied && proxiable(type) };
}

/** A draft of the next record like this one: where it goes and how long it is kept stay, what it is does not. */
export function nextDraft(d: Draft): Draft {
  return { ...newDraft(d.type), priority: d.priority, ttl: d.ttl, proxied: d.proxied, tags: d.tags };
}

/** The draft of a record that is there. */
export function draftOf(r: Schema<"Record">, zone: string): Draft {
  const data: Record<string, unknown> = { ...r.data };
  return {
    type: r.type,
    name: r.name === zone ? "@" : r.name.replace(new RegExp(`\\.${zone.replaceAll(".", "\\.")}$`), ""),
    content: r.content,
    priority: String(r.priority ?? 10),
    data: Object.fromEntries(Object.keys(presets(r.type)).map((m) => [m, String(data[m] ?? "")])),
    ttl: String(r.ttl),
    proxied: r.proxied,
    comment: r.comment ?? "",
    tags: r.tags,
  };
}

/** Whether anything in the draft is known to be refused. */
export function faulty(d: Draft, zone: string): boolean {
  const type = recordTypes[d.type];
  if (checkContent(d.type, d.content) !== undefined || checkName(d.name, zone) !== undefined || checkTags(d.tags) !== undefined) return true;
  if (type?.priority && checkPriority(d.priority) !== undefined) return true;
  return (type?.data ?? []).some((f) => checkField(f, d.data[f.member] ?? "") !== undefined);
}

/** What to send for a change: the members that differ from what was seen, so that nothing else is written over. */
export function changesOf(seen: Draft, d: Draft): Schema<"RecordPatch"> {
  const before: Record<string, unknown> = bodyOf(seen);
  const after: Record<string, unknown> = bodyOf(d);
  const names = Object.keys({ ...before, ...after });
  return Object.fromEntries(names.filter((n) => JSON.stringify(before[n]) !== JSON.stringify(after[n])).map((n) => [n, after[n]]));
}

/** What to send for a draft. */
export function bodyOf(d: Draft): Schema<"RecordWrite"> {
  const type = recordTypes[d.type];
  const body: Schema<"RecordWrite"> = {
    type: d.type,
    name: d.name.trim() || "@",
    ttl: d.proxied ? 1 : Number(d.ttl),
    comment: d.comment || null,
    tags: d.tags,
  };
  if (proxiable(d.type)) body.proxied = d.proxied;
  if (type?.priority) body.priority = Number(d.priority);
  if (!type?.data) return { ...body, content: d.content };
  const data = Object.fromEntries(
    type.data.map((f) => [f.member, f.kind === "number" ? Number(d.data[f.member]) : (d.data[f.member] ?? "")]),
  );
  // The schema leaves the members of data open: they depend on the type.
  return { ...body, data: data as unknown as Record<string, never> };
}
