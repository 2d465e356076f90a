import { z } from "zod/mini";
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
