import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useDeferredValue, useId, useState } from "react";
import { api, result } from "../api/client";
import { standingsQuery, zoneQuery } from "../api/queries";
import { chooseTheme } from "../theme";
import { DialogFrame } from "./dialogs";
import { toUnicode } from "./unicode";

type Goal = { title: string; kind: string; to?: string; run?: () => void };

/** How many zones and records are offered. */
const most = 8;

function pagesOf(account: string | undefined, zone: string | undefined, admin: boolean): Goal[] {
  const pages: Goal[] = [];
  const add = (title: string, to: string) => pages.push({ title, kind: "Page", to });
  if (account !== undefined && zone !== undefined) {
    add(`${zone}: Overview`, `/${account}/${zone}`);
    add(`${zone}: Records`, `/${account}/${zone}/dns/records`);
    add(`${zone}: Settings`, `/${account}/${zone}/dns/settings`);
    add(`${zone}: DNSSEC`, `/${account}/${zone}/dns/settings/dnssec`);
    add(`${zone}: Dynamic updates`, `/${account}/${zone}/dns/updates`);
    add(`${zone}: Secondaries`, `/${account}/${zone}/secondaries`);
    add(`${zone}: History`, `/${account}/${zone}/history`);
    add(`${zone}: Drafts`, `/${account}/${zone}/drafts`);
    pages.push({ title: `${zone}: Add a record`, kind: "Act", to: `/${account}/${zone}/dns/records?add=true` });
  }
  if (account !== undefined) {
    add("Account home", `/${account}/home`);
    pages.push({ title: "Add a zone", kind: "Act", to: `/${account}/home?add=true` });
    add("Secondaries of all zones", `/${account}/secondaries`);
    add("Traffic of all zones", `/${account}/traffic`);
    add("Deleted zones", `/${account}/deleted-zones`);
    add("Alarms", `/${account}/alarms`);
    add("Get started", `/${account}/get-started`);
    add("TSIG", `/${account}/configurations/dns-zone-transfers?tab=tsig`);
    add("Peer DNS servers", `/${account}/configurations/dns-zone-transfers?tab=peers`);
    add("ACL", `/${account}/configurations/dns-zone-transfers?tab=acls`);
    add("Members", `/${account}/members`);
    add("API Tokens", `/${account}/api-tokens`);
    add("Audit log", `/${account}/audit-log`);
    add("Account settings", `/${account}/settings`);
    pages.push({ title: "Zones that need attention", kind: "Page", to: `/${account}/home?standing=trouble` });
  }
  add("My Profile", "/profile");
  if (admin) {
    add("Users", "/users");
    add("Server: health, backups, options", "/server");
  }
  for (const theme of ["light", "dark", "system"] as const) {
    pages.push({ title: `Theme: ${theme}`, kind: "Act", run: () => chooseTheme(theme) });
  }
  return pages;
}

/** Records of the zone that one is in. */
function useRecords(account: string | undefined, zone: string | undefined, search: string): Goal[] {
  const on = account !== undefined && zone !== undefined && search !== "";
  const id = useQuery({ ...zoneQuery(account ?? "", zone ?? ""), enabled: on }).data?.id;
  const found = useQuery({
    queryKey: ["records", id, "jump", search],
    enabled: on && id !== undefined,
    queryFn: () =>
      result(api.GET("/client/v4/zones/{zone_id}/dns_records", { params: { path: { zone_id: id ?? "" }, query: { search, per_page: most, order: "name" } } })),
  }).data;
  return (found ?? []).map((r) => ({
    title: `${r.type} ${toUnicode(r.name)} ${r.content.slice(0, 40)}`,
    kind: "Record",
    to: `/${account}/${zone}/dns/records?search=${encodeURIComponent(r.name)}`,
  }));
}

/** Goes to a zone, a record, a page or an act by a few letters. */
export default function Jump(props: { account: string | undefined; zone: string | undefined; admin: boolean; onClose: () => void }) {
  const { account, zone } = props;
  const router = useRouter();
  const list = useId();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const search = useDeferredValue(text.trim());
  const found = useQuery({ ...standingsQuery({ account: account ?? "", search, page: 1, perPage: most }), enabled: account !== undefined });
  // While these letters are asked for, zones of the letters before are there: Enter must not lead to one that has others.
  const zones = (found.data?.result ?? []).filter((z) => !found.isPlaceholderData || z.name.includes(search.toLowerCase()));
  const records = useRecords(account, zone, search);
  const pages = pagesOf(account, zone, props.admin).filter((p) => p.title.toLowerCase().includes(search.toLowerCase()));
  const goals: Goal[] = [...zones.map((z) => ({ title: z.name, kind: "Zone", to: `/${account}/${z.name}/dns/records` })), ...pages.slice(0, search === "" ? 30 : most), ...records];
  const at = Math.min(chosen, goals.length - 1);
  const take = (g: Goal | undefined) => {
    if (!g) return;
    props.onClose();
    g.run?.();
    if (g.to !== undefined) router.history.push(g.to);
  };
  const move = (by: number) => {
    const next = (at + by + goals.length) % goals.length;
    setChosen(next);
    document.getElementById(`${list}-${next}`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <DialogFrame open onClose={props.onClose} title="Jump to">
      <input
        // The dialog gives it the keyboard, and back to where it was: were it taken here, nobody would know from where.
        role="combobox"
        aria-label="Zone, record, page or act"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={goals.length > 0 ? `${list}-${at}` : undefined}
        className="w-full rounded-md border border-kumo-line bg-kumo-control px-3 py-2 text-base text-kumo-default"
        placeholder="Zone, record, page or act"
        value={text}
        onChange={(e) => {
          setText(e.target.value);
          setChosen(0);
        }}
        onKeyDown={(e) => {
          if (e.key === "ArrowDown") move(1);
          else if (e.key === "ArrowUp") move(-1);
          else if (e.key === "Enter") take(goals[at]);
          else return;
          e.preventDefault();
        }}
      />
      <ul id={list} role="listbox" aria-label="Where to" className="mt-3 mb-0 max-h-80 list-none overflow-y-auto p-0">
        {goals.map((g, i) => (
          <li
            key={`${g.kind} ${g.title}`}
            id={`${list}-${i}`}
            role="option"
            aria-selected={i === at}
            className={`flex cursor-pointer items-center justify-between gap-3 rounded-md px-3 py-2 text-sm ${i === at ? "bg-kumo-tint" : ""}`}
            onMouseMove={() => setChosen(i)}
            onClick={() => take(g)}
          >
            <span className="min-w-0 break-words">{g.title}</span>
            <span className="shrink-0 text-kumo-strong">{g.kind}</span>
          </li>
        ))}
        {goals.length === 0 && <li className="px-3 py-2 text-sm text-kumo-subtle">Nothing has these letters.</li>}
      </ul>
    </DialogFrame>
  );
}
