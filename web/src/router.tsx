import { QueryCache, QueryClient } from "@tanstack/react-query";
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { z } from "zod/mini";
import { ApiError } from "./api/client";
import { accountsQuery, sessionQuery, zoneQuery } from "./api/queries";
import { Fault, Waiting } from "./ui/page";
import { Shell } from "./ui/shell";

/** Statuses by which the API refuses who is not signed in any more. */
const refusals = [400, 401, 403];

/** After a refusal looks whether the session is still there, and asks to sign in again where it is not. */
async function checkSession(): Promise<void> {
  const session = await queryClient.fetchQuery({ ...sessionQuery, staleTime: 0 });
  if (session === null) await router.navigate({ to: "/sign-in", search: { to: router.state.location.href } });
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (e, query) => {
      if (e instanceof ApiError && refusals.includes(e.status) && query.queryKey[0] !== "session") void checkSession();
    },
  }),
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: true,
      retry: (failures, e) => failures < 2 && !(e instanceof ApiError && e.status < 500),
    },
  },
});

const root = createRootRoute({ component: Outlet, errorComponent: Fault, notFoundComponent: () => <Fault error={new Error("There is no such page.")} /> });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: z.object({ to: z.optional(z.string()) }),
  component: lazyRouteComponent(() => import("./pages/sign-in")),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (session === null) throw redirect({ to: "/sign-in", search: { to: location.href } });
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => signedIn,
  path: "/",
  beforeLoad: async () => {
    const first = (await queryClient.ensureQueryData(accountsQuery))[0];
    if (first === undefined) throw redirect({ to: "/profile" });
    throw redirect({ to: "/$account/home", params: { account: first.id } });
  },
});

const profile = createRoute({
  getParentRoute: () => signedIn,
  path: "/profile",
  component: lazyRouteComponent(() => import("./pages/profile")),
});

const account = createRoute({ getParentRoute: () => signedIn, path: "/$account", component: Outlet });

const accountPage = <P extends string>(path: P, load: () => Promise<{ default: () => React.ReactNode }>) =>
  createRoute({ getParentRoute: () => account, path, component: lazyRouteComponent(load) });

const accountHome = accountPage("home", () => import("./pages/home"));
const guide = accountPage("get-started", () => import("./pages/guide"));
const members = accountPage("members", () => import("./pages/members"));
const tokens = accountPage("api-tokens", () => import("./pages/tokens"));
const audit = accountPage("audit-log", () => import("./pages/audit"));

const transfers = createRoute({
  getParentRoute: () => account,
  path: "configurations/dns-zone-transfers",
  validateSearch: z.object({ tab: z.optional(z.enum(["tsig", "peers", "acls"])) }),
  component: lazyRouteComponent(() => import("./pages/transfers")),
});

const zone = createRoute({
  getParentRoute: () => account,
  path: "$zone",
  beforeLoad: async ({ params }) => {
    await queryClient.ensureQueryData(zoneQuery(params.account, params.zone));
  },
  component: Outlet,
});

/** What the records page shows: all of it is in the address. */
export const recordSearch = z.object({
  page: z.optional(z.int()),
  per_page: z.optional(z.int()),
  search: z.optional(z.string()),
  type: z.optional(z.string()),
  proxied: z.optional(z.enum(["true", "false"])),
  order: z.optional(z.enum(["type", "name", "content", "ttl", "proxied"])),
  direction: z.optional(z.enum(["asc", "desc"])),
});

const records = createRoute({
  getParentRoute: () => zone,
  path: "dns/records",
  validateSearch: recordSearch,
  component: lazyRouteComponent(() => import("./pages/records")),
});

const settings = createRoute({
  getParentRoute: () => zone,
  path: "dns/settings",
  component: lazyRouteComponent(() => import("./pages/settings")),
});

const secondaries = createRoute({
  getParentRoute: () => zone,
  path: "secondaries",
  component: lazyRouteComponent(() => import("./pages/secondaries")),
});

const routeTree = root.addChildren([
  signIn,
  signedIn.addChildren([
    home,
    profile,
    account.addChildren([
      accountHome,
      guide,
      members,
      tokens,
      audit,
      transfers,
      zone.addChildren([records, settings, secondaries]),
    ]),
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultPendingComponent: Waiting,
  defaultErrorComponent: Fault,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
