import { queryOptions } from "@tanstack/react-query";
import { api, result, type Schema } from "./client";

/** Which records of a zone one key may change by messages (RFC 2136). */
export type UpdatePolicy = Schema<"UpdatePolicy">;
export type UpdatePolicyBody = Schema<"UpdatePolicyBody">;
export type UpdatePolicyPatch = Schema<"UpdatePolicyPatch">;
export type UpdateName = Schema<"UpdateName">;

/** The policies of a zone; old when the zone is. */
export const updatePoliciesQuery = (zone_id: string) =>
  queryOptions({
    queryKey: ["update-policies", zone_id],
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/update_policies", { params: { path: { zone_id } } })),
  });

export const createUpdatePolicy = (zone_id: string, body: UpdatePolicyBody) =>
  result(api.POST("/headwater/v1/zones/{zone_id}/update_policies", { params: { path: { zone_id } }, body }));

/** Changes what is sent of a policy, as long as it is the one that was seen (code 13133 otherwise). */
export const editUpdatePolicy = (zone_id: string, over: UpdatePolicy, body: UpdatePolicyPatch) =>
  result(api.PATCH("/headwater/v1/zones/{zone_id}/update_policies/{policy_id}", { params: { path: { zone_id, policy_id: over.id }, header: { "If-Match": `"${over.modified_on}"` } }, body }));

/** A policy as it is now. */
export const readUpdatePolicy = (zone_id: string, policy_id: string) =>
  result(api.GET("/headwater/v1/zones/{zone_id}/update_policies/{policy_id}", { params: { path: { zone_id, policy_id } } }));

export const deleteUpdatePolicy = (zone_id: string, policy_id: string) =>
  result(api.DELETE("/headwater/v1/zones/{zone_id}/update_policies/{policy_id}", { params: { path: { zone_id, policy_id } } }));
