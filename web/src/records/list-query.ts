import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call, api } from "../api/client";
import { takeEarly } from "../api/early";
import { askedBefore } from "../api/events";
import type { Order } from "./record-table";

/** What the address of a list of records holds. */
export type RecordSearch = {
  page?: number;
  per_page?: number;
  search?: string;
  type?: string;
  proxied?: "true" | "false";
  order?: Order;
  direction?: "asc" | "desc";
  /** The form for a new one is open. */
  add?: boolean;
  /** The draft that the list is shown with; "none": as it is, though changes are collected. */
  draft?: string;
};

/** The same with everything that the address leaves out. */
export const fullQuery = ({ add: _, draft: __, ...s }: RecordSearch) => ({
  ...s,
  page: s.page ?? 1,
  per_page: s.per_page ?? 50,
  order: s.order ?? ("type" as const),
  direction: s.direction ?? ("asc" as const),
});

type Zone = { id: string; name: string; account: { id: string } };

async function readRecords(zone: Zone, query: ReturnType<typeof fullQuery>) {
  const early = await takeEarly(zone.account.id, zone.name, query);
  if (early !== null) askedBefore(["records", zone.id, "page"]);
  return early ?? call(api.GET("/client/v4/zones/{zone_id}/dns_records", { params: { path: { zone_id: zone.id }, query } }));
}

/** One page of a zone's records; that of the page before stands until it is there. */
export const recordsQuery = (zone: Zone, query: ReturnType<typeof fullQuery>) =>
  queryOptions({
    queryKey: ["records", zone.id, "page", query],
    placeholderData: keepPreviousData,
    queryFn: () => readRecords(zone, query),
  });
