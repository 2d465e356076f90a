import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Schema } from "./client";
import { ask, seg } from "./own";

type Record = Schema<"Record">;

/** Who made a change. */
export type Actor = { id: string; email: string; context: string; token_id: string; ip: string };

/** One change of a zone. */
export type ZoneChange = {
  id: string;
  when: string;
  from_serial: number;
  to_serial: number;
  actor: Actor;
  request_id: string;
  note: string;
  records: { added: number; changed: number; removed: number };
  imported: number;
  settings: string[];
  what: "records" | "import" | "settings" | "create" | "delete" | "undelete" | "revert" | "serial" | "draft" | "update_policy" | "keys" | "notify" | "rebuild" | "other";
  first: string[];
  reverts: { serial?: number; change?: string; time?: string } | null;
  undo: "yes" | "nothing";
};

type Setting = { setting: string; before: unknown; after: unknown };

/** The same with everything that it did. */
export type WholeChange = ZoneChange & {
  changes: { action: "add" | "change" | "remove"; id: string; before: Record | null; after: Record | null }[];
  more?: number;
  settings_changes: Setting[];
  objects: ObjectChange[];
};

/** What is no record and no setting: drafts, policies of updates, keys, what was told to secondaries. */
export type ObjectChange = Schema<"ObjectChange">;

type Records = { added: Record[]; removed: Record[]; changed: { before: Record; after: Record }[]; truncated: boolean; total: number };
type Face = { removed: string[]; added: string[]; truncated: boolean };

export type Diff = {
  from: { serial: number; when: string };
  to: { serial: number; when: string };
  records: Records;
  settings: Setting[];
  served: Face;
  transfer: Face;
  same_faces: boolean;
};

export type Reverted = { dry_run: boolean; change: string; from_serial: number; to_serial: number; records: Records; settings: Setting[]; left: string[]; update_policies: ObjectChange[] };

/** To what a zone is brought back; change takes one change alone out again. */
export type Goal = { serial: number } | { time: string } | { change: string };

export type DeletedZone = { id: string; name: string; deleted_on: string; until: string; serial: number; records: number; dnssec: string; peers: number; actor: Actor };

const perPage = 50;

/** Changes of a zone, newest first, page after page. */
export const historyQuery = (zone: string, since?: string, before?: string) =>
  infiniteQueryOptions({
    queryKey: ["history", zone, "list", since, before],
    initialPageParam: "",
    queryFn: ({ pageParam }) => ask<ZoneChange[]>("GET", `/zones/${seg(zone)}/history`, { query: { limit: perPage, cursor: pageParam, since, before } }),
    getNextPageParam: (last) => last.result_info.cursors?.after || undefined,
  });

/** The last few of them. */
export const lastChangesQuery = (zone: string, limit: number) =>
  queryOptions({
    queryKey: ["history", zone, "last", limit],
    retry: false,
    queryFn: () => ask<ZoneChange[]>("GET", `/zones/${seg(zone)}/history`, { query: { limit } }),
  });

export const changeQuery = (zone: string, id: string) =>
  queryOptions({
    queryKey: ["history", zone, "change", id],
    staleTime: Infinity,
    queryFn: async () => (await ask<WholeChange>("GET", `/zones/${seg(zone)}/history/${seg(id)}`)).result,
  });

export const diffQuery = (zone: string, from: string, to: string) =>
  queryOptions({
    queryKey: ["history", zone, "diff", from, to],
    queryFn: async () => (await ask<Diff>("GET", `/zones/${seg(zone)}/diff`, { query: { from, to } })).result,
  });

/** Where the zone as of a serial can be fetched as a file. */
export const fileAt = (zone: string, serial: number) => `/headwater/v1/zones/${seg(zone)}/at/${serial}`;

export const revert = async (zone: string, goal: Goal, o: { dryRun?: boolean; settings?: boolean; note?: string } = {}) =>
  (
    await ask<Reverted>("POST", `/zones/${seg(zone)}/revert`, {
      body: { ...goal, ...(o.dryRun && { dry_run: true }), ...(o.settings === false && { settings: false }) },
      headers: o.note ? { "Headwater-Note": o.note } : {},
    })
  ).result;

/** How many of the last changes are looked through for one that was made a moment ago. */
const lookBack = 200;

/** Takes back what one call has done. */
export async function takeBack(zone: string, request: string): Promise<Reverted> {
  const { result: last } = await ask<ZoneChange[]>("GET", `/zones/${seg(zone)}/history`, { query: { limit: lookBack } });
  const change = last.find((c) => c.request_id === request);
  if (change === undefined) throw new Error("There is nothing to take back: the zone's history has no such change.");
  return revert(zone, { change: change.id });
}

export const deletedZonesQuery = (account: string) =>
  queryOptions({
    queryKey: ["deleted-zones", account],
    queryFn: async () => (await ask<DeletedZone[]>("GET", `/accounts/${seg(account)}/deleted_zones`)).result,
  });

export const undelete = (account: string, zone: string) => ask<{ id: string; name: string }>("POST", `/accounts/${seg(account)}/deleted_zones/${seg(zone)}/undelete`, { body: {} });

export const purge = (account: string, zone: string) => ask<{ id: string }>("DELETE", `/accounts/${seg(account)}/deleted_zones/${seg(zone)}`);

export const keptQuery = (account: string) =>
  queryOptions({
    queryKey: ["history-days", account],
    retry: false,
    queryFn: async () => (await ask<{ days: number }>("GET", `/accounts/${seg(account)}/history`)).result,
  });

export const keepFor = async (account: string, days: number) => (await ask<{ days: number }>("PATCH", `/accounts/${seg(account)}/history`, { body: { days } })).result;
