import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { DropdownMenu } from "@cloudflare/kumo/components/dropdown";
import { Sidebar } from "@cloudflare/kumo/components/sidebar";
import {
  ArrowLeftIcon,
  ArrowsClockwiseIcon,
  ArrowsLeftRightIcon,
  BellIcon,
  BroadcastIcon,
  ChartBarIcon,
  CheckSquareIcon,
  ClockCounterClockwiseIcon,
  DesktopIcon,
  GaugeIcon,
  GearIcon,
  HardDrivesIcon,
  HouseIcon,
  KeyIcon,
  ListBulletsIcon,
  MagnifyingGlassIcon,
  MoonIcon,
  NotePencilIcon,
  ShieldCheckIcon,
  SlidersIcon,
  SunIcon,
  TrashIcon,
  UserCircleIcon,
  UsersIcon,
  WavesIcon,
} from "@phosphor-icons/react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Outlet, useLocation, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState, type ComponentType } from "react";
import { useRaised } from "../api/alarms";
import { api, result, setCSRF } from "../api/client";
import { endEvents } from "../api/events";
import { accountsQuery, sessionQuery } from "../api/queries";
import { keepAccount, lastAccount } from "../last-account";
import { chooseTheme, useTheme, type Theme } from "../theme";
import { useLost } from "../api/contact";
import { useAction } from "./action";
import { Choice } from "./choice";
import { ContactBanner } from "./contact";
import { SessionOver } from "./session-over";

const Jump = lazy(() => import("./jump"));

type Place = { to: string; label: string; icon: ComponentType<{ className?: string }>; /** What waits there, and what that is. */ waits?: readonly [n: number, what: string] };

function accountPlaces(account: string, raised: number): Place[] {
  return [
    { to: `/${account}/home`, label: "Account home", icon: HouseIcon },
    { to: `/${account}/secondaries`, label: "Secondaries", icon: BroadcastIcon },
    { to: `/${account}/traffic`, label: "Traffic", icon: ChartBarIcon },
    { to: `/${account}/alarms`, label: "Alarms", icon: BellIcon, waits: [raised, "raised"] },
    { to: `/${account}/get-started`, label: "Get started", icon: CheckSquareIcon },
  ];
}

function managePlaces(account: string): Place[] {
  return [
    { to: `/${account}/configurations/dns-zone-transfers`, label: "DNS Zone Transfers", icon: ArrowsLeftRightIcon },
    { to: `/${account}/members`, label: "Members", icon: UsersIcon },
    { to: `/${account}/api-tokens`, label: "API Tokens", icon: KeyIcon },
    { to: `/${account}/audit-log`, label: "Audit log", icon: ClockCounterClockwiseIcon },
    { to: `/${account}/deleted-zones`, label: "Deleted zones", icon: TrashIcon },
    { to: `/${account}/settings`, label: "Account settings", icon: SlidersIcon },
  ];
}

function zonePlaces(account: string, zone: string): Place[] {
  return [
    { to: `/${account}/${zone}`, label: "Overview", icon: GaugeIcon },
    { to: `/${account}/${zone}/dns/records`, label: "Records", icon: ListBulletsIcon },
    { to: `/${account}/${zone}/dns/settings`, label: "Settings", icon: GearIcon },
    { to: `/${account}/${zone}/dns/settings/dnssec`, label: "DNSSEC", icon: ShieldCheckIcon },
    { to: `/${account}/${zone}/dns/updates`, label: "Dynamic updates", icon: ArrowsClockwiseIcon },
    { to: `/${account}/${zone}/secondaries`, label: "Secondaries", icon: BroadcastIcon },
    { to: `/${account}/${zone}/history`, label: "History", icon: ClockCounterClockwiseIcon },
    { to: `/${account}/${zone}/drafts`, label: "Drafts", icon: NotePencilIcon },
  ];
}

const serverPlaces: Place[] = [
  { to: "/users", label: "Users", icon: UsersIcon },
  { to: "/server", label: "Health and options", icon: HardDrivesIcon },
];

function Places(props: { label: string; places: Place[] }) {
  const path = useLocation({ select: (l) => decodeURIComponent(l.pathname) });
  return (
    <Sidebar.Group>
      <Sidebar.GroupLabel>{props.label}</Sidebar.GroupLabel>
      <Sidebar.Menu>
        {props.places.map((p) => (
          <Sidebar.MenuItem key={p.to}>
            <Sidebar.MenuButton href={p.to} icon={p.icon} active={path === p.to} aria-current={path === p.to ? "page" : undefined}>
              {p.label}
              {p.waits && p.waits[0] > 0 && (
                <Badge className="ml-auto" variant="error">
                  {p.waits[0].toLocaleString("en")}
                  <span className="sr-only">{` ${p.waits[1]}`}</span>
                </Badge>
              )}
            </Sidebar.MenuButton>
          </Sidebar.MenuItem>
        ))}
      </Sidebar.Menu>
    </Sidebar.Group>
  );
}

/** The account's places. */
function AccountPlaces({ account }: { account: string }) {
  return <Places label="Account" places={accountPlaces(account, useRaised(account))} />;
}

/** The way out of a zone, and what waits there. */
function WayBack({ account }: { account: string }) {
  const raised = useRaised(account);
  const alarms: Place[] = raised > 0 ? [{ to: `/${account}/alarms`, label: "Alarms", icon: BellIcon, waits: [raised, "raised"] }] : [];
  return <Places label="Account" places={[{ to: `/${account}/home`, label: "Account home", icon: ArrowLeftIcon }, ...alarms]} />;
}

function AccountChoice(props: { account: string }) {
  const accounts = useQuery(accountsQuery).data ?? [];
  const navigate = useNavigate();
  if (accounts.length === 0) return null;
  if (accounts.length === 1) {
    return <span className="truncate text-sm text-kumo-subtle">{accounts[0]!.name}</span>;
  }
  return (
    <Choice
      label="Account"
      hideLabel
      value={props.account}
      options={accounts.map((a) => [a.id, a.name] as const)}
      onChange={(account) => void navigate({ to: "/$account/home", params: { account } })}
    />
  );
}

function UserMenu() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const session = useQuery(sessionQuery).data;
  const signOut = useAction({
    once: true,
    run: () => result(api.DELETE("/headwater/v1/session")),
    then: () => {
      endEvents();
      setCSRF("");
      client.clear();
      void navigate({ to: "/sign-in" });
    },
  });
  const chosen = useTheme();
  const themes: [Theme, string, typeof MoonIcon][] = [
    ["light", "Light theme", SunIcon],
    ["dark", "Dark theme", MoonIcon],
    ["system", "System theme", DesktopIcon],
  ];
  return (
    <DropdownMenu>
      <DropdownMenu.Trigger
        render={<Button variant="ghost" shape="square" icon={UserCircleIcon} aria-label="User menu" />}
      />
      <DropdownMenu.Content>
        <DropdownMenu.Group>
          <DropdownMenu.Label>{session?.user?.email ?? "Signed in with an API token"}</DropdownMenu.Label>
        </DropdownMenu.Group>
        <DropdownMenu.Item onClick={() => void navigate({ to: "/profile" })}>My Profile</DropdownMenu.Item>
        <DropdownMenu.LinkItem href="/docs" target="_blank">
          Documentation of the API
        </DropdownMenu.LinkItem>
        <DropdownMenu.Separator />
        {themes.map(([theme, label, icon]) => (
          <DropdownMenu.Item
            key={theme}
            icon={icon}
            aria-current={chosen === theme || undefined}
            onClick={() => chooseTheme(theme)}
          >
            {chosen === theme ? `${label} ✓` : label}
          </DropdownMenu.Item>
        ))}
        <DropdownMenu.Separator />
        <DropdownMenu.Item onClick={() => signOut.run()}>Log out</DropdownMenu.Item>
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}

/** The frame around every page of somebody who is signed in: places on the left, account and user above. */
export function Shell() {
  const params = useParams({ strict: false });
  const accounts = useQuery(accountsQuery).data;
  const account = params.account ?? lastAccount(accounts ?? [])?.id;
  const session = useQuery(sessionQuery).data;
  const lost = useLost();
  const [jumping, setJumping] = useState(false);
  useEffect(() => {
    const onKey = (e: KeyboardEvent) => {
      if (e.key.toLowerCase() !== "k" || !(e.ctrlKey || e.metaKey) || e.altKey || e.shiftKey) return;
      e.preventDefault();
      setJumping((open) => !open);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    if (params.account !== undefined && accounts?.some((a) => a.id === params.account)) keepAccount(params.account);
  }, [params.account, accounts]);
  return (
    <Sidebar.Provider defaultOpen className="min-h-svh bg-kumo-canvas text-kumo-default">
      <a href="#main" className="skip-link">
        Skip to content
      </a>
      <Sidebar aria-label="Places" className="md:sticky md:top-0 md:h-svh" contentClassName="h-full">
        <Sidebar.Header>
          <span className="flex items-center gap-2 overflow-hidden px-2 font-semibold text-kumo-default">
            <WavesIcon className="size-5 shrink-0 text-kumo-info" weight="bold" aria-hidden />
            <span className="word-mark">Headwater</span>
          </span>
        </Sidebar.Header>
        <Sidebar.Content>
          {account !== undefined && params.zone === undefined && <AccountPlaces account={account} />}
          {account !== undefined && params.zone !== undefined && (
            <>
              <WayBack account={account} />
              <Places label={`DNS for ${params.zone}`} places={zonePlaces(account, params.zone)} />
            </>
          )}
          {account !== undefined && <Places label="Manage Account" places={managePlaces(account)} />}
          {session?.server_admin && <Places label="Server" places={serverPlaces} />}
        </Sidebar.Content>
        <Sidebar.Footer>
          <Sidebar.Trigger aria-label="Collapse the sidebar" />
        </Sidebar.Footer>
      </Sidebar>
      <div className="flex min-h-svh min-w-0 flex-1 flex-col">
        <div className="flex h-14 items-center gap-3 border-b border-kumo-hairline bg-kumo-base px-4">
          <span className="md:hidden">
            <Sidebar.Trigger aria-label="Open the sidebar" />
          </span>
          <div className="flex min-w-0 flex-1 items-center gap-2">{account !== undefined && <AccountChoice account={account} />}</div>
          <Button variant="ghost" icon={MagnifyingGlassIcon} aria-label="Jump to" aria-keyshortcuts="Control+K Meta+K" onClick={() => setJumping(true)}>
            <span className="max-sm:sr-only">Jump to</span>
          </Button>
          <UserMenu />
        </div>
        <ContactBanner />
        <main id="main" tabIndex={-1} className={`min-w-0 flex-1 outline-none ${lost ? "grayscale" : ""}`}>
          <Outlet />
        </main>
      </div>
      <SessionOver />
      {jumping && (
        <Suspense>
          <Jump account={account} zone={params.zone} admin={session?.server_admin ?? false} onClose={() => setJumping(false)} />
        </Suspense>
      )}
    </Sidebar.Provider>
  );
}
