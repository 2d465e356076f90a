import { queryOptions } from "@tanstack/react-query";
import { api, result, type Schema } from "./client";

export type Draft = Schema<"Draft">;
export type WholeDraft = Schema<"WholeDraft">;
export type DraftPart = Schema<"DraftPart">;
export type FourEyes = Schema<"FourEyes">;

/** A zone has no more drafts than this. */
const most = 100;

/** How often drafts are read while somebody looks, in milliseconds: what becomes of them no event tells, unless the zone changes with it. */
const pause = 5_000;

const watched = { refetchInterval: pause, refetchIntervalInBackground: false } as const;

const zonePath = (zone_id: string) => ({ params: { path: { zone_id } } });
const onePath = (zone_id: string, draft_id: string) => ({ params: { path: { zone_id, draft_id } } });

export const draftsQuery = (zone: string) =>
  queryOptions({
    queryKey: ["drafts", zone, "list"],
    ...watched,
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/drafts", { params: { path: { zone_id: zone }, query: { per_page: most } } })),
  });

export const draftQuery = (zone: string, id: string) =>
  queryOptions({
    queryKey: ["drafts", zone, "one", id],
    retry: false,
    ...watched,
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/drafts/{draft_id}", onePath(zone, id))),
  });

/** What a draft does; it depends on what the zone is, so it is read again with every change of it. */
export const draftPlanQuery = (zone: string, id: string, version: number) =>
  queryOptions({
    queryKey: ["drafts", zone, "plan", id, version],
    retry: false,
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/drafts/{draft_id}/plan", onePath(zone, id))),
  });

export const fourEyesQuery = (zone: string) =>
  queryOptions({
    queryKey: ["four-eyes", zone],
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/four_eyes", zonePath(zone))),
  });

/** Tokens of an account; empty where one may not see them. */
export const accountTokensQuery = (account_id: string) =>
  queryOptions({
    queryKey: ["account-tokens", account_id],
    retry: false,
    queryFn: () => result(api.GET("/client/v4/accounts/{account_id}/tokens", { params: { path: { account_id }, query: { per_page: 50 } } })),
  });

export const createDraft = (zone: string, name: string, note: string) =>
  result(api.POST("/headwater/v1/zones/{zone_id}/drafts", { ...zonePath(zone), body: { name, note } }));

export const renameDraft = (d: Draft, name: string, note: string) =>
  result(api.PATCH("/headwater/v1/zones/{zone_id}/drafts/{draft_id}", { ...onePath(d.zone_id, d.id), body: { name, note } }));

export const deleteDraft = (d: Draft) => result(api.DELETE("/headwater/v1/zones/{zone_id}/drafts/{draft_id}", onePath(d.zone_id, d.id)));

export const removePart = (d: Draft, part_id: string) =>
  result(api.DELETE("/headwater/v1/zones/{zone_id}/drafts/{draft_id}/parts/{part_id}", { params: { path: { zone_id: d.zone_id, draft_id: d.id, part_id } } }));

export const approve = (d: Draft) => result(api.POST("/headwater/v1/zones/{zone_id}/drafts/{draft_id}/approve", { ...onePath(d.zone_id, d.id), body: { version: d.version } }));

export const withdraw = (d: Draft) => result(api.DELETE("/headwater/v1/zones/{zone_id}/drafts/{draft_id}/approval", onePath(d.zone_id, d.id)));

/** Does what the version of a draft that was seen says, now or at a time. */
export const applyDraft = (d: Draft, at?: string) =>
  result(api.POST("/headwater/v1/zones/{zone_id}/drafts/{draft_id}/apply", { ...onePath(d.zone_id, d.id), body: { version: d.version, ...(at && { at }) } }));

export const unschedule = (d: Draft) => result(api.DELETE("/headwater/v1/zones/{zone_id}/drafts/{draft_id}/schedule", onePath(d.zone_id, d.id)));

export const setFourEyes = (zone: string, body: FourEyes) => result(api.PUT("/headwater/v1/zones/{zone_id}/four_eyes", { ...zonePath(zone), body }));
