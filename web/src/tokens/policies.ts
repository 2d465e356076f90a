import type { Schema } from "../api/client";

const zoneScope = "com.cloudflare.api.account.zone";
const accountScope = "com.cloudflare.api.account";
const userScope = "com.cloudflare.api.user";

type Group = Schema<"PermissionGroup">;
type Policy = Schema<"TokenWrite">["policies"][number];
type Resources = Record<string, unknown>;

/** What the form holds of a token's policies: groups by their ids, and zones by theirs; no zone is all of the account. */
export type Chosen = { groups: string[]; zones: string[] };

const allZones = (account: string): Resources => ({ [`${accountScope}.${account}`]: { [`${zoneScope}.*`]: "*" } });

/** One policy for each kind of resource that the chosen groups are about. */
export function policiesOf(groups: Group[], c: Chosen, account: string, user: string): Policy[] {
  const resources: Record<string, Resources> = {
    [zoneScope]: c.zones.length === 0 ? allZones(account) : Object.fromEntries(c.zones.map((z) => [`${zoneScope}.${z}`, "*"])),
    [accountScope]: { [`${accountScope}.${account}`]: "*" },
    [userScope]: { [`${userScope}.${user}`]: "*" },
  };
  return Object.entries(resources).flatMap(([scope, resource]) => {
    const chosen = groups.filter((g) => c.groups.includes(g.id) && g.scopes.includes(scope));
    if (chosen.length === 0) return [];
    // The schema leaves the members of resources open.
    return [{ effect: "allow", permission_groups: chosen.map((g) => ({ id: g.id })), resources: resource as Record<string, never> }];
  });
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** The zones that a policy is about; null for what is no policy about zones of this account. */
function zonesOf(resources: Resources, account: string): string[] | null {
  if (same(resources, allZones(account))) return [];
  const names = Object.entries(resources);
  const zone = new RegExp(`^${zoneScope.replaceAll(".", "\\.")}\\.[0-9a-f]{32}$`);
  return names.length > 0 && names.every(([name, v]) => v === "*" && zone.test(name)) ? names.map(([name]) => name.slice(zoneScope.length + 1)) : null;
}

/** A token's policies as the form has them; null where it cannot show them as they are, and must not write others in their place. */
export function chosenOf(policies: readonly Schema<"TokenPolicy">[], account: string): Chosen | null {
  const out: Chosen = { groups: [], zones: [] };
  const seen = new Set<string>();
  for (const p of policies) {
    const resources: Resources = p.resources;
    const [first = ""] = Object.keys(resources);
    const zones = zonesOf(resources, account);
    const one = Object.keys(resources).length === 1 && resources[first] === "*";
    const kind = zones !== null ? "zone" : one && first === `${accountScope}.${account}` ? "account" : one && first.startsWith(`${userScope}.`) ? "user" : "";
    if (p.effect !== "allow" || kind === "" || seen.has(kind)) return null;
    seen.add(kind);
    out.groups.push(...p.permission_groups.map((g) => g.id));
    if (zones !== null) out.zones = zones;
  }
  return out;
}

/** What tokens are mostly made for, by the names of their groups; a server that has not all of them offers no such template. */
export const templates: readonly (readonly [label: string, groups: readonly string[]])[] = [
  ["Read DNS", ["DNS Read", "Zone Read"]],
  ["Edit records", ["DNS Records Write", "Zone Read"]],
  ["Certificates (ACME DNS-01)", ["ACME Challenge Write"]],
  ["Zones and transfers", ["Zone Write", "Zone Settings Write", "DNS Write", "Account Settings Write"]],
];

type Condition = Schema<"TokenCondition">;

/** The ranges of a condition, one after the other. */
export function rangesOf(c: Condition | undefined, side: "in" | "not_in"): string {
  return ((c?.["request.ip"] ?? c?.request_ip)?.[side] ?? []).join(", ");
}

const listed = (text: string) => text.split(/[\s,]+/).filter((r) => r !== "").map((r) => (r.includes("/") ? r : `${r}/${r.includes(":") ? 128 : 32}`));

/** Ranges as a condition; one address is a range of one. Null for none. */
export function conditionOf(from: string, notFrom: string): Condition {
  const [of, not] = [listed(from), listed(notFrom)];
  if (of.length + not.length === 0) return null;
  return { request_ip: { ...(of.length > 0 && { in: of }), ...(not.length > 0 && { not_in: not }) } };
}

/** A command that shows whether a token works, with the token left out. */
export const tryOut = (origin: string) => `curl -H "Authorization: Bearer $TOKEN" ${origin}/client/v4/user/tokens/verify`;
