import { queryOptions } from "@tanstack/react-query";
import { api, result, type Schema } from "./client";

/** What is known of a zone's signing: keys, what each waits for, and who holds what. */
export type Signing = Schema<"Signing">;
export type SigningKey = Schema<"SigningKey">;

const zonePath = (zone_id: string) => ({ params: { path: { zone_id } } });

/** Cloudflare's own resource: the state, and the DS record to copy. */
export const dnssecQuery = (zone: string) =>
  queryOptions({
    queryKey: ["dnssec", zone, "state"],
    refetchInterval: 30_000,
    queryFn: () => result(api.GET("/client/v4/zones/{zone_id}/dnssec", zonePath(zone))),
  });

/** How long a page waits before it asks again, in milliseconds: a progress bar moves, a roll takes days. */
const [lively, calm] = [1_000, 15_000];

export const signingQuery = (zone: string) =>
  queryOptions({
    queryKey: ["dnssec", zone, "signing"],
    refetchInterval: (q) => (q.state.data?.progress ? lively : calm),
    queryFn: () => own<Signing>("GET", zone, ""),
  });

/** Our own resource of a zone's signing. */
async function own<T>(method: "GET" | "PATCH" | "POST" | "DELETE", zone: string, path: string, body?: unknown): Promise<T> {
  const request = api as unknown as Record<string, (p: string, o: object) => Promise<{ data?: { result: T }; error?: unknown; response: Response }>>;
  return result(request[method]!(`/headwater/v1/zones/${zone}/dnssec${path}`, body === undefined ? {} : { body }));
}

/** Switches signing on or off, or Cloudflare's switches. */
export const patchDNSSEC = (zone: string, body: Schema<"DNSSECPatch">) =>
  result(api.PATCH("/client/v4/zones/{zone_id}/dnssec", { ...zonePath(zone), body }));

/** Removes keys and signatures, once nobody relies on them. */
export const deleteDNSSEC = (zone: string) => result(api.DELETE("/client/v4/zones/{zone_id}/dnssec", zonePath(zone)));

export const patchSigning = (zone: string, body: Schema<"SigningEdit">) =>
  own<Signing>("PATCH", zone, "", body);

export type Roll = { role: SigningKey["role"] } | { algorithm: SigningKey["algorithm"] };
export const roll = (zone: string, body: Roll) => own<Signing>("POST", zone, "/roll", body);

export const sayDS = (zone: string, body: Schema<"SigningDSSeen">) => own<Signing>("POST", zone, "/ds_seen", body);

export const importKey = (zone: string, body: Schema<"SigningKeyFiles">) => own<Signing>("POST", zone, "/keys", body);

export const exportKey = (zone: string, key: string) =>
  own<Schema<"SigningKeyExport">>("GET", zone, `/keys/${key}/export`);

export const deleteKey = (zone: string, key: string) => own<unknown>("DELETE", zone, `/keys/${key}`);
