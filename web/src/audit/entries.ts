import { queryOptions } from "@tanstack/react-query";
import { api, call, type Schema } from "../api/client";
import { counted } from "../ui/format";
import { isoParam } from "../ui/iso";
import { toUnicode } from "../ui/unicode";

export type Entry = Schema<"AuditV1">;

/** What the log is asked for; all of it stands in the page's address. */
export type AuditSearch = { zone?: string; who?: string; action?: string; since?: string; before?: string; page?: number };

export const auditQuery = (account: string, s: AuditSearch, perPage: number) =>
  queryOptions({
    queryKey: ["audit", account, s, perPage],
    placeholderData: (before) => before,
    queryFn: () =>
      call(
        api.GET("/client/v4/accounts/{account_id}/audit_logs", {
          params: {
            path: { account_id: account },
            query: {
              page: s.page ?? 1,
              per_page: perPage,
              ...(s.zone && { "zone.name": s.zone }),
              ...(s.who && { "actor.email": s.who }),
              ...(s.action && { "action.type": s.action }),
              ...(s.since && { since: isoParam(s.since) }),
              ...(s.before && { before: isoParam(s.before, true) }),
            },
          },
        }),
      ),
  });

type Fields = Record<string, unknown>;

function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Fields) : {};
  } catch {
    return {};
  }
}

/** What an entry is about, before and after. */
export const sides = (e: Entry) => ({ before: fieldsOf(e.oldValue), after: fieldsOf(e.newValue) });

/** The members that differ; both sides are empty where there is nothing to tell. */
export function differences(e: Entry): { name: string; before: unknown; after: unknown }[] {
  const { before, after } = sides(e);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((n) => JSON.stringify(before[n]) !== JSON.stringify(after[n]) && !n.endsWith("_on"))
    .map((name) => ({ name, before: before[name], after: after[name] }));
}

/** The zone that an entry is about; empty for none. */
export function zoneOf(e: Entry): string {
  const { zone_name: zone } = (e.metadata ?? {}) as Fields;
  return typeof zone === "string" ? zone : "";
}

const verbs: Record<string, string> = {
  rec_add: "added", rec_set: "changed", rec_del: "deleted", rec_import: "imported", add: "created", set: "changed", delete: "deleted", notify: "sent NOTIFY for",
};

const nouns: Record<string, string> = {
  "dns.record": "record", "secondary_dns.tsig": "TSIG", "secondary_dns.peer": "peer", "secondary_dns.acl": "ACL", "zone.outgoing": "outgoing transfers",
  "zone.dnssec": "DNSSEC", "zone.dns_settings": "DNS settings", "account.dns_settings": "DNS settings",
};

/** Acts whose name has the verb in it. */
const acts: Record<string, string> = {
  "zone.outgoing.create": "set up outgoing transfers", "zone.outgoing.update": "changed outgoing transfers", "zone.outgoing.delete": "removed outgoing transfers",
  "zone.outgoing.enable": "switched on outgoing transfers", "zone.outgoing.disable": "switched off outgoing transfers",
};

/** What an entry is about, as people call it; what the zone or the account has needs not say whose it is. */
const noun = (type: string) => nouns[type] ?? type.replace(/^(zone|account)\./, "").replaceAll(/[._]/g, " ");

/** One entry as a sentence without its subject. */
export function said(e: Entry): string {
  const { before, after } = sides(e);
  const about = { ...before, ...after };
  const text = (v: unknown) => (typeof v === "string" ? v : "");
  const name = toUnicode(text(about.name));
  const type = e.resource.type ?? "";
  const zone = toUnicode(zoneOf(e));
  const of = type.startsWith("zone.") && name === zone ? ["of"] : [];
  if (acts[type]) return [acts[type], ...of, name].filter((x) => x !== "").join(" ");
  const kind = type === "dns.record" && about.type ? `${text(about.type)} ${name}` : [noun(type), ...of, name].filter((x) => x !== "").join(" ");
  const where = zone === "" || kind.includes(zone) ? "" : ` in ${zone}`;
  return `${verbs[e.action.type] ?? e.action.type} ${kind}${where}`;
}

/** Entries of one change: the log has one for each record, people have made one. */
export type Change = { first: Entry; entries: Entry[] };

export function changesOf(list: Entry[]): Change[] {
  const out: Change[] = [];
  const key = (e: Entry) => JSON.stringify([e.when, e.actor, e.action.type, e.resource.type, zoneOf(e)]);
  for (const e of list) {
    const last = out.at(-1);
    if (last && key(last.first) === key(e)) last.entries.push(e);
    else out.push({ first: e, entries: [e] });
  }
  return out;
}

/** A change as a sentence without its subject. */
export function told(c: Change): string {
  if (c.entries.length === 1) return said(c.first);
  const zone = zoneOf(c.first);
  return `${verbs[c.first.action.type] ?? c.first.action.type} ${counted(c.entries.length, noun(c.first.resource.type ?? "entry"))}${zone ? ` in ${toUnicode(zone)}` : ""}`;
}

const quoted = (s: string) => `"${s.replaceAll('"', '""')}"`;

/** Entries as comma-separated values. A cell that a spreadsheet would take for a formula is led by an apostrophe. */
export function csv(list: Entry[]): string {
  const rows = list.map((e) => [e.when, e.actor.email ?? "", e.actor.ip ?? "", e.action.type, e.resource.type ?? "", zoneOf(e), said(e), e.oldValue, e.newValue]);
  const head = ["when", "who", "address", "action", "resource", "zone", "what", "before", "after"];
  return [head, ...rows].map((r) => r.map((c) => quoted(/^[=+\-@\t\r]/.test(c) ? `'${c}` : c)).join(",")).join("\r\n");
}
