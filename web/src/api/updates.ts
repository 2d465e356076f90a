import { queryOptions } from "@tanstack/react-query";
import { api, result, type Schema } from "./client";

/** Which records of a zone one key may change by messages (RFC 2136). */
export type UpdatePolicy = Schema<"UpdatePolicy">;
export type UpdatePolicyBody = Schema<"UpdatePolicyBody">;
export type UpdateName = Schema<"UpdateName">;

/** The policies of a zone; old when the zone is. */
export const updatePoliciesQuery = (zone_id: string) =>
  queryOptions({
    queryKey: ["update-policies", zone_id],
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/update_policies", { params: { path: { zone_id } } })),
  });

/** Writes a policy: a new one where none is named. */
export const putUpdatePolicy = (zone_id: string, policy_id: string | undefined, body: UpdatePolicyBody) =>
  policy_id === undefined
    ? result(api.POST("/headwater/v1/zones/{zone_id}/update_policies", { params: { path: { zone_id } }, body }))
    : result(api.PUT("/headwater/v1/zones/{zone_id}/update_policies/{policy_id}", { params: { path: { zone_id, policy_id } }, body }));

export const deleteUpdatePolicy = (zone_id: string, policy_id: string) =>
  result(api.DELETE("/headwater/v1/zones/{zone_id}/update_policies/{policy_id}", { params: { path: { zone_id, policy_id } } }));
