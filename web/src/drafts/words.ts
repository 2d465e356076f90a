import type { Schema } from "../api/client";
import type { Draft, DraftPart } from "../api/drafts";
import { moment } from "../ui/format";

/** Somebody who has to do with a draft. */
export const whoText = (w: Schema<"DraftWho">): string => w.email || w.user_id || (w.token_id ? `Token ${w.token_id}` : "Nobody known");

/** Whether a draft is done with. One that could not be applied at its time is not. */
export const isOver = (d: Draft): boolean => d.state === "applied";

/** How a draft stands, in words. */
export const states = {
  open: ["neutral", "Open"],
  approved: ["info", "Approved"],
  scheduled: ["info", "Scheduled"],
  applied: ["success", "Applied"],
  failed: ["error", "Could not be applied"],
} as const;

/** What is to be said of a draft's state beside its word. */
export function stateLine(d: Draft): string {
  switch (d.state) {
    case "scheduled":
      return `for ${moment(d.apply_at)}`;
    case "applied":
      return `${moment(d.applied_on)}, serial ${d.serial}`;
    case "failed":
      return d.failure;
    case "approved":
      return d.approval ? `by ${whoText(d.approval.by)}` : "";
    default:
      return d.needs_approval ? "needs approval" : "";
  }
}

type Setting = { setting: string; before: unknown; after: unknown };

function walk(name: string, before: unknown, after: unknown, out: Setting[]): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  const inner = (v: unknown): v is Record<string, unknown> => typeof v === "object" && v !== null && !Array.isArray(v);
  if (!inner(before) || !inner(after)) {
    out.push({ setting: name, before, after });
    return;
  }
  for (const k of new Set([...Object.keys(before), ...Object.keys(after)])) walk(name === "" || name === "dns_settings" ? k : `${name}.${k}`, before[k], after[k], out);
}

/** The members in which two objects differ. */
export function differences(before: unknown, after: unknown): Setting[] {
  const out: Setting[] = [];
  walk("", before ?? {}, after ?? {}, out);
  return out;
}

const resources: Record<string, string> = {
  "zone.dns_settings": "DNS settings",
  "zone.transfer_settings": "Transfer settings",
  "zone.four_eyes": "Four eyes",
  "zone.outgoing": "Outgoing transfers",
  "zone.dnssec": "DNSSEC",
};

/** What a part is about, in words. */
export function partText(p: Pick<DraftPart, "action" | "resource">): string {
  if (p.resource === "dns.record") return { add: "Record added", change: "Record changed", remove: "Record deleted" }[p.action];
  return resources[p.resource] ?? p.resource.replace(/^.*\./, "").replaceAll("_", " ");
}
