import { queryOptions } from "@tanstack/react-query";
import { api, result, type Schema } from "./client";
import { pace } from "./events";
import { optional } from "./queries";

export type Course = Schema<"Course">;
export type Queries = Schema<"Queries">;
export type Curves = Schema<"Curves">;
export type Period = "hour" | "day" | "month";

/** How often counts are read: they are some ten seconds old in any case, in milliseconds. */
const counted = 15_000;

/** Only while somebody looks: a hidden tab asks for nothing. */
const asked = { refetchInterval: counted, refetchIntervalInBackground: false } as const;

/** What a zone was asked. */
export const zoneQueriesQuery = (zone_id: string, period: Period) =>
  queryOptions({
    queryKey: ["queries", zone_id, period],
    ...asked,
    placeholderData: (before) => before,
    queryFn: () => optional(result(api.GET("/headwater/v1/zones/{zone_id}/queries", { params: { path: { zone_id }, query: { period } } }))),
  });

/** Queries, transfers and how long versions took, of a zone. */
export const zoneCurvesQuery = (zone_id: string, period: Period) =>
  queryOptions({
    queryKey: ["curves", zone_id, period],
    ...asked,
    placeholderData: (before) => before,
    queryFn: () => optional(result(api.GET("/headwater/v1/zones/{zone_id}/curves", { params: { path: { zone_id }, query: { period } } }))),
  });

/** The same over all zones of an account. */
export const accountCurvesQuery = (account_id: string, period: Period) =>
  queryOptions({
    queryKey: ["curves", account_id, period],
    ...asked,
    placeholderData: (before) => before,
    queryFn: () => optional(result(api.GET("/headwater/v1/accounts/{account_id}/curves", { params: { path: { account_id }, query: { period } } }))),
  });

/** How the secondaries of a zone fared. */
export const courseQuery = (zone_id: string) =>
  queryOptions({
    queryKey: ["course", zone_id],
    refetchInterval: pace(10_000, 60_000),
    queryFn: () => optional(result(api.GET("/headwater/v1/zones/{zone_id}/course", { params: { path: { zone_id } } }))),
  });

/** What the parent says: it is asked anew, so no more often than somebody wishes. */
export const delegationQuery = (zone_id: string) =>
  queryOptions({
    queryKey: ["delegation", zone_id],
    staleTime: 300_000,
    retry: false,
    queryFn: () => optional(result(api.GET("/headwater/v1/zones/{zone_id}/delegation", { params: { path: { zone_id } } }))),
  });
