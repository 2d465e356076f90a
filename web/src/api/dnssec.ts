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
const [lively, calm] = [1_000, 10_000];

/** Whether something is being made at this moment. */
const moving = (s: Signing) =>
  s.progress !== null || s.keys.some((k) => k.state === "new" || k.waits.some((w) => w.for === "signatures") || k.timeline.some((t) => t.what !== "ds" && t.serial === null));

export const signingQuery = (zone: string) =>
  queryOptions({
    queryKey: ["dnssec", zone, "signing"],
    refetchInterval: (q) => (q.state.data && moving(q.state.data) ? lively : calm),
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/dnssec", zonePath(zone))),
  });

/** Switches signing on or off, or Cloudflare's switches. */
export const patchDNSSEC = (zone: string, body: Schema<"DNSSECPatch">) =>
  result(api.PATCH("/client/v4/zones/{zone_id}/dnssec", { ...zonePath(zone), body }));

/** Removes keys and signatures, once nobody relies on them. */
export const deleteDNSSEC = (zone: string) => result(api.DELETE("/client/v4/zones/{zone_id}/dnssec", zonePath(zone)));

export const patchSigning = (zone: string, body: Schema<"SigningEdit">) =>
  result(api.PATCH("/headwater/v1/zones/{zone_id}/dnssec", { ...zonePath(zone), body }));

export type Roll = { role: SigningKey["role"] } | { algorithm: SigningKey["algorithm"] };
export const roll = (zone: string, body: Roll) => result(api.POST("/headwater/v1/zones/{zone_id}/dnssec/roll", { ...zonePath(zone), body }));

export const sayDS = (zone: string, body: Schema<"SigningDSSeen">) =>
  result(api.POST("/headwater/v1/zones/{zone_id}/dnssec/ds_seen", { ...zonePath(zone), body }));

export const importKey = (zone: string, body: Schema<"SigningKeyFiles">) =>
  result(api.POST("/headwater/v1/zones/{zone_id}/dnssec/keys", { ...zonePath(zone), body }));

const keyPath = (zone_id: string, key_id: string) => ({ params: { path: { zone_id, key_id } } });

export const exportKey = (zone: string, key: string) => result(api.GET("/headwater/v1/zones/{zone_id}/dnssec/keys/{key_id}/export", keyPath(zone, key)));

export const deleteKey = (zone: string, key: string) => result(api.DELETE("/headwater/v1/zones/{zone_id}/dnssec/keys/{key_id}", keyPath(zone, key)));
