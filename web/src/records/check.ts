import { z } from "zod/mini";
import { toUnicode } from "../ui/unicode";
import { recordTypes, type DataField } from "./types";

const content: Record<string, { check: z.ZodMiniType<string>; message: string }> = {
  A: { check: z.ipv4(), message: "Content for A record must be a valid IPv4 address." },
  AAAA: { check: z.ipv6(), message: "Content for AAAA record must be a valid IPv6 address." },
};

/** What the API would say of a content, as far as it can be told without asking; undefined for nothing. */
export function checkContent(type: string, value: string): string | undefined {
  const rule = content[type];
  return value !== "" && rule && !rule.check.safeParse(value.trim()).success ? rule.message : undefined;
}

/** Whether a name, without its final dot, is the zone's or below it; both may be written in Unicode or by A-labels. */
export function within(name: string, zone: string): boolean {
  const [a, b] = [toUnicode(name), toUnicode(zone)];
  return a === b || a.endsWith(`.${b}`);
}

/**
 * What is wrong with a record's name, as far as it can be told without asking (RFC 1035 section 3.1, as octets of its A-labels are
 * counted by the server alone); undefined for nothing.
 */
export function checkName(text: string, zone: string): string | undefined {
  const name = text.trim();
  if (name === "" || name === "@") return undefined;
  if (/\s/.test(name)) return "A name has no blanks in it.";
  const whole = name.endsWith(".") && !name.endsWith("\\.");
  const bare = (whole ? name.slice(0, -1) : name).toLowerCase();
  if (bare.split(".").includes("")) return "There is nothing between two dots of this name.";
  const long = bare.split(".").find((l) => l.length > 63);
  if (long !== undefined) return `Between two dots there are at most 63 characters; “${long.slice(0, 12)}…” has ${long.length}.`;
  if (whole && !within(bare, zone)) return `With the dot at its end this is a whole name, and it is not in ${zone}.`;
  return undefined;
}

const tagName = /^(?!cf-)[a-z0-9_-]{1,32}$/i;

/** The rule of tags in words. */
export const tagRule = "name or name:value, at most 20. Names have letters, digits, - and _.";

/** What is wrong with tags; undefined for nothing. */
export function checkTags(tags: readonly string[]): string | undefined {
  const bad = tags.map((t) => t.trim()).find((t) => t !== "" && (!tagName.test(t.split(":", 1)[0]!) || t.slice(t.indexOf(":") + 1).length > 100));
  if (bad !== undefined) return `“${bad}” is no tag: ${tagRule}`;
  return tags.length > 20 ? `These are ${tags.length} tags; a record has at most 20.` : undefined;
}

/** What is wrong with a field of data. */
export function checkField(field: DataField, value: string): string | undefined {
  if (field.kind !== "number" || value === "") return undefined;
  const max = field.max;
  if (max === undefined) return Number.isNaN(Number(value)) ? `${field.label} must be a number.` : undefined;
  const ok = z.coerce.number().check(z.int(), z.minimum(0), z.maximum(max)).safeParse(value).success;
  return ok ? undefined : `${field.label} must be a number from 0 to ${max}.`;
}

/** What is wrong with a priority. */
export function checkPriority(value: string): string | undefined {
  return checkField({ member: "priority", label: "Priority", kind: "number", max: 65535 }, value);
}

/** Whether a type can be proxied. */
export function proxiable(type: string): boolean {
  return recordTypes[type]?.proxiable ?? false;
}
