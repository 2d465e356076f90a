import { queryOptions } from "@tanstack/react-query";
import { ApiError, api, call, result } from "./client";
import { pace } from "./events";
import { readSession } from "./session";

/** Who is signed in; null for nobody. */
export const sessionQuery = queryOptions({
  queryKey: ["session"],
  staleTime: 60_000,
  queryFn: readSession,
});

/** The accounts in which the signed-in one may do anything. */
export const accountsQuery = queryOptions({ ...sessionQuery, select: (s) => s?.accounts ?? [] });

export type StandingOrder = "name" | "standing" | "expires";
export type StandingsQuery = { account: string; search: string; page: number; perPage: number; trouble?: boolean; order?: StandingOrder; desc?: boolean; peers?: boolean };

/** Zones by name, each with how its secondaries stand: one request for a whole page. */
export const standingsQuery = (q: StandingsQuery) =>
  queryOptions({
    queryKey: ["zones", q],
    queryFn: () =>
      call(
        api.GET("/headwater/v1/zones", {
          params: {
            query: {
              "account.id": q.account,
              page: q.page,
              per_page: q.perPage,
              ...(q.search && { search: q.search }),
              ...(q.trouble && { standing: "trouble" as const }),
              ...(q.order && { order: q.order }),
              ...(q.desc && { direction: "desc" as const }),
              ...(q.peers && { peers: "true" as const }),
            },
          },
        }),
      ),
    placeholderData: (before) => before,
  });

/** What the server can do. */
export const serverQuery = queryOptions({
  queryKey: ["server"],
  staleTime: Infinity,
  queryFn: () => optional(result(api.GET("/headwater/v1/server"))),
});

/** The account's own edge addresses. */
export const edgeAddressesQuery = (account: string) =>
  queryOptions({
    queryKey: ["edge-addresses", account],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/edge_addresses", accountPath(account))),
  });

export const sharedNamesQuery = (account: string) =>
  queryOptions({
    queryKey: ["shared-names", account],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/shared_names", accountPath(account))),
  });

/** The zone of a name in an account. */
export const zoneQuery = (account: string, name: string) =>
  queryOptions({
    queryKey: ["zone", account, name],
    staleTime: 30_000,
    queryFn: async () => {
      const zones = await result(
        api.GET("/client/v4/zones", { params: { query: { name, "account.id": account } } }),
      );
      if (zones[0] === undefined) throw new ApiError(404, [{ code: 0, message: `There is no zone ${name} here.` }]);
      return zones[0];
    },
  });

const zonePath = (zone_id: string) => ({ params: { path: { zone_id } } });
const accountPath = (account_id: string) => ({ params: { path: { account_id } } });

/** A 404 of something that need not be there reads as null. */
export async function optional<T>(pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return null;
    throw e;
  }
}

/** What is known of a zone's secondaries, read once. */
const standing = (zone: string) => optional(result(api.GET("/headwater/v1/zones/{zone_id}/secondaries", zonePath(zone))));

/** The outgoing configuration; null where there is none, which is asked first: the question itself is answered 404 then. */
export const outgoingQuery = (zone: string) =>
  queryOptions({
    queryKey: ["outgoing", zone],
    queryFn: async () => {
      if ((await standing(zone))?.linked === false) return null;
      return optional(result(api.GET("/client/v4/zones/{zone_id}/secondary_dns/outgoing", zonePath(zone))));
    },
  });

/** Whether the zone is transferred. */
export const outgoingStatusQuery = (zone: string) =>
  queryOptions({
    queryKey: ["outgoing-status", zone],
    queryFn: async () => ((await standing(zone))?.enabled ? "Enabled" : "Disabled"),
  });

export const secondariesQuery = (zone: string) =>
  queryOptions({
    queryKey: ["secondaries", zone],
    refetchInterval: pace(3_000, 60_000),
    queryFn: () => standing(zone),
  });

export const reviewQuery = (zone: string) =>
  queryOptions({
    queryKey: ["review", zone],
    gcTime: 0,
    queryFn: () => optional(result(api.GET("/headwater/v1/zones/{zone_id}/transfer_review", zonePath(zone)))),
  });

export const dnsSettingsQuery = (zone: string) =>
  queryOptions({
    queryKey: ["dns-settings", zone],
    queryFn: () => result(api.GET("/client/v4/zones/{zone_id}/dns_settings", zonePath(zone))),
  });

export const transferSettingsQuery = (zone: string) =>
  queryOptions({
    queryKey: ["transfer-settings", zone],
    queryFn: () => result(api.GET("/headwater/v1/zones/{zone_id}/transfer_settings", zonePath(zone))),
  });

export const tsigsQuery = (account: string) =>
  queryOptions({
    queryKey: ["tsigs", account],
    queryFn: () => result(api.GET("/client/v4/accounts/{account_id}/secondary_dns/tsigs", accountPath(account))),
  });

export const accountTransferQuery = (account: string) =>
  queryOptions({
    queryKey: ["account-transfer", account],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/transfer_settings", accountPath(account))),
  });

/** Which peers use a key, and which the one that follows it; asked again while somebody looks. */
export const rotationQuery = (account_id: string, tsig_id: string) =>
  queryOptions({
    queryKey: ["rotation", account_id, tsig_id],
    refetchInterval: 3_000,
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/tsigs/{tsig_id}/rotation", { params: { path: { account_id, tsig_id } } })),
  });

/** The keys that another one follows; old when the keys are. */
export const rotationsQuery = (account: string) =>
  queryOptions({
    queryKey: ["tsigs", account, "rotations"],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/tsig_rotations", accountPath(account))),
  });

export const peersQuery = (account: string) =>
  queryOptions({
    queryKey: ["peers", account],
    queryFn: () => result(api.GET("/client/v4/accounts/{account_id}/secondary_dns/peers", accountPath(account))),
  });

/** What the transfers of each peer may come by, and hold; old when the peers are. */
export const peerTransportsQuery = (account: string) =>
  queryOptions({
    queryKey: ["peers", account, "transports"],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/peer_transports", accountPath(account))),
  });

/** Which zones are linked to each peer; peers without any are not in it. */
export const peerUsesQuery = (account: string) =>
  queryOptions({
    queryKey: ["peer-uses", account],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/peer_uses", accountPath(account))),
  });

export const aclsQuery = (account: string) =>
  queryOptions({
    queryKey: ["acls", account],
    queryFn: () => result(api.GET("/client/v4/accounts/{account_id}/secondary_dns/acls", accountPath(account))),
  });

export const membersQuery = (account: string) =>
  queryOptions({
    queryKey: ["members", account],
    queryFn: () => result(api.GET("/headwater/v1/accounts/{account_id}/members", accountPath(account))),
  });

/** Accounts that have asked the signed-in user to become a member. */
export const invitationsQuery = queryOptions({
  queryKey: ["invitations"],
  queryFn: () => result(api.GET("/client/v4/memberships", { params: { query: { status: "pending", per_page: 50 } } })),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: () => result(api.GET("/client/v4/user/tokens", { params: { query: { per_page: 50 } } })),
});

export const permissionGroupsQuery = queryOptions({
  queryKey: ["permission-groups"],
  staleTime: Infinity,
  queryFn: () => result(api.GET("/client/v4/user/tokens/permission_groups")),
});

export const userQuery = queryOptions({
  queryKey: ["user"],
  queryFn: () => result(api.GET("/client/v4/user")),
});

/** Records that a notice is about: how many there are. */
export const recordCountQuery = (zone: string, filter: { type?: string; name?: string; proxied?: "true" | "false" }) =>
  queryOptions({
    queryKey: ["records", zone, "count", filter],
    queryFn: async () => {
      const page = await call(
        api.GET("/client/v4/zones/{zone_id}/dns_records", {
          params: { path: { zone_id: zone }, query: { ...filter, per_page: 1 } },
        }),
      );
      return page.result_info.total_count;
    },
  });

/** The names of a zone's NS records at the apex. */
export const apexNSQuery = (zone: { id: string; name: string }) =>
  queryOptions({
    queryKey: ["records", zone.id, "apex-ns"],
    queryFn: async () => {
      const query = { type: "NS", name: zone.name, per_page: 100 };
      const list = await result(api.GET("/client/v4/zones/{zone_id}/dns_records", { params: { path: { zone_id: zone.id }, query } }));
      return list.map((r) => r.content);
    },
  });
