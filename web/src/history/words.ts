import type { ZoneChange } from "../api/history";
import { counted, moment } from "../ui/format";

/** What a change did to records, in a few words. */
function records(c: ZoneChange): string[] {
  const { added, changed, removed } = c.records;
  const parts = [];
  if (added > 0) parts.push(`${counted(added, "record")} added`);
  if (changed > 0) parts.push(`${counted(changed, "record")} changed`);
  if (removed > 0) parts.push(`${counted(removed, "record")} deleted`);
  return parts;
}

const settings: Record<string, string> = { dnssec: "DNSSEC", multi_provider: "multi-provider", outgoing: "outgoing transfers" };

/** A setting as people call it; what has no better name has the API's, in words. */
const named = (s: string) => settings[s] ?? s.replaceAll(/[._]/g, " ").replaceAll(/\b(soa|ns|ttl|cnames)\b/g, (w) => (w === "cnames" ? "CNAMEs" : w.toUpperCase()));

/** A change as a sentence without its subject. */
export function what(c: ZoneChange): string {
  const did = [...records(c), ...(c.settings.length > 0 ? [`settings: ${c.settings.map(named).join(", ")}`] : [])].join(", ");
  switch (c.what) {
    case "create":
      return "Zone created";
    case "delete":
      return "Zone deleted";
    case "undelete":
      return "Zone brought back";
    case "import":
      return c.imported > 0 ? `Import: ${counted(c.imported, "record")} added` : `Import${did ? `: ${did}` : ""}`;
    case "serial":
      return "Serial raised";
    case "revert": {
      const r = c.reverts;
      const to = r?.serial !== undefined ? `to serial ${r.serial}` : r?.time ? `to ${moment(r.time)}` : "of one change";
      return `Brought back ${to}${did ? `: ${did}` : ""}`;
    }
    case "draft":
      return `Draft: ${c.first[0] ?? "edited"}`;
    case "update_policy":
      return `Dynamic updates: ${c.first[0] ?? "a policy"}`;
    case "keys":
      return "Keys of the zone";
    case "notify":
      return "Secondaries told by hand";
    case "rebuild":
      return "Contents made anew from the records";
    default:
      return did === "" ? "Nothing that can be seen" : did.charAt(0).toUpperCase() + did.slice(1);
  }
}

/** Who made it. */
export function who(c: ZoneChange): string {
  if (c.actor.email) return c.actor.email;
  return c.actor.context === "system" ? "Headwater itself" : (c.actor.id || "Nobody known");
}

/** By what it was made, where that is not the dashboard. */
export function by(c: ZoneChange): string {
  const words: Record<string, string> = { api_token: "by token", api_key: "by key", dns_update: "by dynamic update", system: "" };
  return words[c.actor.context] ?? "";
}
