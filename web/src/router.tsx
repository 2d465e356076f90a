import "./arrival";
import { QueryCache, QueryClient } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  useMatches,
} from "@tanstack/react-router";
import { z } from "zod/mini";
import { ApiError } from "./api/client";
import { onReturn } from "./api/contact";
import { askEarly } from "./api/early";
import { startEvents } from "./api/events";
import { sessionQuery, zoneQuery } from "./api/queries";
import { renewed } from "./api/session";
import { fullQuery, recordsQuery } from "./records/list-query";
import { lastAccount, wasHere } from "./last-account";
import { isoMoment } from "./ui/iso";
import { Fault, RouteFault, WaitingPage } from "./ui/page";

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (e, query) => {
      // Who never was signed in is led to the form for that; a session that is over is asked for over the page.
      if (query.queryKey[0] !== "session" && queryClient.getQueryData(sessionQuery.queryKey)) void renewed(e);
    },
  }),
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: true,
      retry: (failures, e) => failures < 2 && !(e instanceof ApiError && e.status < 500),
    },
  },
});

// What could not be read while the server was away is read when it is back, and pages that failed are shown.
onReturn(() => {
  void queryClient.invalidateQueries();
  void router.invalidate();
});

const Shell = lazyRouteComponent(() => import("./ui/shell"), "Shell");

/** The frame of all pages but those that lead in. It is no page's own, so that it stands while the server is asked who is there, and stays. */
function Frame() {
  const inside = useMatches({ select: (all) => all.some((m) => m.routeId === signedIn.id) });
  return inside ? <Shell /> : <Outlet />;
}

const root = createRootRoute({ component: Frame, errorComponent: RouteFault });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: z.object({ to: z.optional(z.string()) }),
  component: lazyRouteComponent(() => import("./pages/sign-in")),
});

const signInCallback = createRoute({
  getParentRoute: () => root,
  path: "/sign-in/callback",
  component: lazyRouteComponent(() => import("./pages/sign-in-callback")),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: "/sign-in", search: { to: location.href } });
    startEvents(queryClient, session.events_cursor);
  },
  component: Outlet,
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  beforeLoad: async () => {
    const first = lastAccount((await queryClient.ensureQueryData(sessionQuery))?.accounts ?? []);
    if (first === undefined) throw redirect({ to: "/profile" });
    throw redirect({ to: "/$account/home", params: { account: first.id } });
  },
});

const profile = createRoute({
  getParentRoute: () => signedIn,
  path: "/profile",
  component: lazyRouteComponent(() => import("./pages/profile")),
});

const users = createRoute({
  getParentRoute: () => signedIn,
  path: "/users",
  component: lazyRouteComponent(() => import("./pages/users")),
});

const server = createRoute({
  getParentRoute: () => signedIn,
  path: "/server",
  component: lazyRouteComponent(() => import("./pages/server")),
});

const account = createRoute({
  getParentRoute: () => signedIn,
  path: "/$account",
  beforeLoad: async ({ params }) => {
    const accounts = (await queryClient.ensureQueryData(sessionQuery))?.accounts ?? [];
    if (!accounts.some((a) => a.id === params.account)) {
      throw new ApiError(404, [{ code: 0, message: "There is no such account, or you may not see it." }]);
    }
  },
  component: Outlet,
});

/** What no other page stands for; the frame stays around it. */
const nowhere = createRoute({ getParentRoute: () => signedIn, path: "$", component: () => <Fault error={new Error("There is no such page.")} /> });

const accountPage = <P extends string>(path: P, load: () => Promise<{ default: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => account, path, component: lazyRouteComponent(load) });

/** A number in the address; what is none counts as absent. */
const whole = z.catch(z.optional(z.int().check(z.minimum(1))), undefined);
const flag = z.catch(z.optional(z.boolean()), undefined);
const text = z.catch(z.optional(z.string()), undefined);

const standingOrder = z.catch(z.optional(z.enum(["standing", "expires"])), undefined);

const accountHome = createRoute({
  getParentRoute: () => account,
  path: "home",
  validateSearch: z.object({ page: whole, search: text, standing: z.catch(z.optional(z.enum(["trouble"])), undefined), order: standingOrder, add: flag }),
  component: lazyRouteComponent(() => import("./pages/home")),
});
const accountIndex = createRoute({
  getParentRoute: () => account,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/$account/home", params });
  },
});
const guide = accountPage("get-started", () => import("./pages/guide"));
const members = accountPage("members", () => import("./pages/members"));
const tokens = accountPage("api-tokens", () => import("./pages/tokens"));
const settingsOfAccount = accountPage("settings", () => import("./pages/account-settings"));
const matrix = createRoute({
  getParentRoute: () => account,
  path: "secondaries",
  validateSearch: z.object({ page: whole, search: text, order: standingOrder }),
  component: lazyRouteComponent(() => import("./pages/matrix")),
});
const traffic = createRoute({
  getParentRoute: () => account,
  path: "traffic",
  validateSearch: z.object({ period: z.catch(z.optional(z.enum(["hour", "day", "month"])), undefined) }),
  component: lazyRouteComponent(() => import("./pages/traffic")),
});
const deleted = accountPage("deleted-zones", () => import("./pages/deleted"));
const alarms = createRoute({
  getParentRoute: () => account,
  path: "alarms",
  validateSearch: z.object({ tab: z.catch(z.optional(z.enum(["raised", "cleared", "rules", "receivers"])), undefined) }),
  component: lazyRouteComponent(() => import("./pages/alarms")),
});
/** A date, or a date and time, as somebody typed it. */
const typedMoment = z.catch(z.optional(z.string().check(z.refine((s) => isoMoment(s) !== undefined))), undefined);
const audit = createRoute({
  getParentRoute: () => account,
  path: "audit-log",
  validateSearch: z.object({ page: whole, zone: text, who: text, action: text, since: typedMoment, before: typedMoment }),
  component: lazyRouteComponent(() => import("./pages/audit")),
});

const transfers = createRoute({
  getParentRoute: () => account,
  path: "configurations/dns-zone-transfers",
  validateSearch: z.object({ tab: z.catch(z.optional(z.enum(["tsig", "peers", "acls"])), undefined) }),
  component: lazyRouteComponent(() => import("./pages/transfers")),
});

const zone = createRoute({
  getParentRoute: () => account,
  path: "$zone",
  beforeLoad: async ({ params }) => {
    await queryClient.ensureQueryData(zoneQuery(params.account, params.zone));
  },
  component: lazyRouteComponent(() => import("./drafts/frame"), "ZoneFrame"),
});

/** What the records page shows: all of it is in the address. */
export const recordSearch = z.object({
  page: whole,
  per_page: whole,
  search: text,
  type: text,
  proxied: z.catch(z.optional(z.enum(["true", "false"])), undefined),
  order: z.catch(z.optional(z.enum(["type", "name", "content", "ttl", "proxied"])), undefined),
  direction: z.catch(z.optional(z.enum(["asc", "desc"])), undefined),
  add: flag,
  draft: text,
});

const zoneIndex = createRoute({
  getParentRoute: () => zone,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/overview")),
});

const records = createRoute({
  getParentRoute: () => zone,
  path: "dns/records",
  validateSearch: recordSearch,
  // Who comes here has the list on its way beside the page's scripts; what is only pointed at asks for nothing, and later lists are the page's.
  loader: ({ params, location, cause }) => {
    const of = queryClient.getQueryData(zoneQuery(params.account, params.zone).queryKey);
    if (cause === "enter" && of !== undefined) void queryClient.prefetchQuery(recordsQuery(of, fullQuery(recordSearch.parse(location.search))));
  },
  component: lazyRouteComponent(() => import("./pages/records")),
});

const settings = createRoute({
  getParentRoute: () => zone,
  path: "dns/settings",
  component: lazyRouteComponent(() => import("./pages/settings")),
});

const dnssec = createRoute({
  getParentRoute: () => zone,
  path: "dns/settings/dnssec",
  component: lazyRouteComponent(() => import("./pages/dnssec")),
});

const updates = createRoute({
  getParentRoute: () => zone,
  path: "dns/updates",
  component: lazyRouteComponent(() => import("./pages/updates")),
});

const history = createRoute({
  getParentRoute: () => zone,
  path: "history",
  validateSearch: z.object({ since: typedMoment, before: typedMoment, from: text, to: text }),
  component: lazyRouteComponent(() => import("./pages/history")),
});

const drafts = createRoute({
  getParentRoute: () => zone,
  path: "drafts",
  component: lazyRouteComponent(() => import("./pages/drafts")),
});

const draft = createRoute({
  getParentRoute: () => zone,
  path: "drafts/$draft",
  component: lazyRouteComponent(() => import("./pages/draft")),
});

const secondaries = createRoute({
  getParentRoute: () => zone,
  path: "secondaries",
  component: lazyRouteComponent(() => import("./pages/secondaries")),
});

const routeTree = root.addChildren([
  signIn,
  signInCallback,
  signedIn.addChildren([
    home,
    profile,
    users,
    server,
    account.addChildren([
      accountIndex,
      accountHome,
      guide,
      members,
      tokens,
      settingsOfAccount,
      audit,
      transfers,
      matrix,
      alarms,
      deleted,
      traffic,
      zone.addChildren([zoneIndex, records, settings, dnssec, updates, secondaries, history, drafts, draft]),
    ]),
    nowhere,
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: WaitingPage,
  // At first whoever was here before sees the frame at once and not a white page, and others nothing until it is known who they are.
  defaultPendingMs: wasHere() ? 0 : Infinity,
  defaultPendingMinMs: 0, // what is there is shown, however short the wait was
  defaultErrorComponent: RouteFault,
});

/** How long a page may be on its way before its shape is shown in place of the one before, in milliseconds. */
const pendingLater = 1_000;
const firstShown = router.subscribe("onResolved", () => {
  firstShown();
  router.update({ ...router.options, defaultPendingMs: pendingLater });
});

const recordsAddress = /^\/([0-9a-f]{32})\/([^/]+)\/dns\/records\/?$/;

/** Asks at once for all that the page of the first address needs, before any of it is answered. */
export function startAtOnce(): void {
  const at = new URL(window.location.href);
  const [, account, zone] = at.pathname.match(/^\/([0-9a-f]{32})\/([^/]+\.[^/]+)(?:\/|$)/) ?? [];
  if (!at.pathname.startsWith("/sign-in")) {
    void queryClient.prefetchQuery(sessionQuery);
    void Shell.preload?.();
  }
  if (account !== undefined && zone !== undefined) {
    const name = decodeURIComponent(zone);
    void queryClient.prefetchQuery(zoneQuery(account, name));
    if (recordsAddress.test(at.pathname)) {
      askEarly(account, name, fullQuery(recordSearch.parse(router.options.parseSearch?.(at.search) ?? {})));
    }
  }
  // Its scripts come beside the answers: a route that waits for the session does not ask for them before.
  for (const route of router.getMatchedRoutes(at.pathname)[0]) void router.loadRouteChunk(route);
}

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
