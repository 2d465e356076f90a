import { queryOptions } from "@tanstack/react-query";
import { api, result } from "./client";
import { optional } from "./queries";

const zonePath = (zone_id: string) => ({ params: { path: { zone_id } } });

/** The zone's digest of itself (ZONEMD); made anew with every version, and so old when the zone is. */
export const zoneDigestQuery = (zone: string) =>
  queryOptions({ queryKey: ["zonemd", zone], queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/zonemd", zonePath(zone))) });

export const putZoneDigest = (zone: string, enabled: boolean) => result(api.PUT("/headwater/v1/zones/{zone_id}/zonemd", { ...zonePath(zone), body: { enabled } }));

/** What resolvers report of a zone (RFC 9567); null where nobody listens for it, and where one may not see it. */
export const errorReportsQuery = (zone: string) =>
  queryOptions({
    queryKey: ["error-reports", zone],
    staleTime: 30_000,
    retry: false,
    queryFn: () => optional(result(api.GET("/headwater/v1/zones/{zone_id}/error_reports", zonePath(zone)))),
  });

export const forgetErrorReports = (zone: string) => result(api.DELETE("/headwater/v1/zones/{zone_id}/error_reports", zonePath(zone)));
