import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { Table } from "@cloudflare/kumo/components/table";
import { CaretDownIcon, CaretUpDownIcon, PlusIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import { useRaised } from "../api/alarms";
import type { Schema } from "../api/client";
import { usePace } from "../api/events";
import { standingsQuery, type StandingOrder } from "../api/queries";
import { auditQuery, changesOf, told } from "../audit/entries";
import { DataTable } from "../ui/data-table";
import { ago, counted, moment } from "../ui/format";
import { Card, Loaded, Page } from "../ui/page";
import { readOnlyText, useMay } from "../ui/rights";
import { stateWords } from "../ui/state";
import { AddZone } from "./home-add";

const perPage = 50;

/** So many zones leave room below them. */
const few = 8;

/** How often the list is looked at again where changes are not told, in milliseconds: one request, two where it looks for trouble in all zones. */
const pause = 10_000;

/** All zones of the account, with how their secondaries stand. */
export default function Home() {
  const { account } = useParams({ from: "/signed-in/$account/home" });
  const { search: asked = "", page = 1, standing, order: sorted, add: adding = false } = useSearch({ from: "/signed-in/$account/home" });
  const order: StandingOrder = sorted ?? "name";
  const navigate = useNavigate({ from: "/$account/home" });
  const [search, setText] = useState(asked);
  const setAdding = (on: boolean) => void navigate({ search: (s) => ({ ...s, add: on || undefined }), replace: true });
  const may = useMay(account, "Zone Write");
  const query = { account, search: useDeferredValue(search.trim()), page, perPage, order, ...(standing === "trouble" && { trouble: true }) };
  const zones = useQuery({ ...standingsQuery(query), refetchInterval: usePace(pause) });
  const all = useQuery({ ...standingsQuery({ account, search: "", page: 1, perPage: 1, trouble: true }), refetchInterval: usePace(3 * pause) });
  const raised = useRaised(account);
  const trouble = all.data?.result_info.total_count ?? 0;
  // What is looked at stands in the address, so that Back from a zone leads to the same list.
  const setSearch = (text: string) => {
    setText(text);
    void navigate({ search: (s) => ({ ...s, page: undefined, search: text.trim() || undefined }), replace: true });
  };
  const setPage = (p: number) => void navigate({ search: (s) => ({ ...s, page: p === 1 ? undefined : p }) });
  return (
    <Page
      title="Account home"
      actions={
        <span title={may ? undefined : readOnlyText}>
          <Button variant="primary" icon={PlusIcon} disabled={!may} onClick={() => setAdding(true)}>
            Add a zone
          </Button>
        </span>
      }
    >
      <div className="flex flex-wrap items-center gap-3">
        <div className="min-w-0 flex-1">
          <Input aria-label="Search zones" placeholder="Search zones" type="search" value={search} onChange={(e) => setSearch(e.target.value)} />
        </div>
        {raised > 0 && (
          <Link variant="plain" href={`/${account}/alarms`}>
            <Badge variant="error">{`${counted(raised, "alarm")} raised`}</Badge>
          </Link>
        )}
        {(trouble > 0 || standing === "trouble") && (
          <Button
            variant={standing === "trouble" ? "primary" : "secondary"}
            aria-pressed={standing === "trouble"}
            onClick={() => void navigate({ search: (s) => ({ ...s, page: undefined, standing: standing === "trouble" ? undefined : "trouble" }) })}
          >
            {`${counted(trouble, "zone")} ${trouble === 1 ? "needs" : "need"} attention`}
          </Button>
        )}
      </div>
      <Loaded query={zones}>
        {(answer) =>
          answer.result.length === 0 ? (
            <Empty
              title={search === "" && !standing ? "No zones yet" : "No zone matches"}
              description={search === "" && !standing ? "Add your first zone; its records follow." : "Try another part of the name."}
            />
          ) : (
            <>
              <ZoneTable account={account} zones={answer.result} order={order} onOrder={(o) => void navigate({ search: (s) => ({ ...s, page: undefined, order: o === "name" ? undefined : o }) })} />
              <div className="pager">
                <Pagination page={page} setPage={setPage} perPage={perPage} totalCount={answer.result_info.total_count} />
              </div>
              {answer.result_info.total_count <= few && <LastChanges account={account} />}
            </>
          )
        }
      </Loaded>
      <AddZone account={account} open={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

/** What was changed last in the account, where few zones leave room for it; nothing for those who may not read that. */
function LastChanges({ account }: { account: string }) {
  const log = useQuery({ ...auditQuery(account, {}, 20), retry: false }).data;
  const changes = changesOf(log?.result ?? []).slice(0, 6);
  if (changes.length === 0) return null;
  return (
    <Card title="Last changes" actions={<Link href={`/${account}/audit-log`}>Audit log</Link>}>
      <ol aria-label="Last changes of the account" className="m-0 flex list-none flex-col p-0 text-sm">
        {changes.map((c) => (
          <li key={c.first.id} className="grid gap-x-4 border-b border-kumo-hairline py-1.5 last:border-0 sm:grid-cols-[8rem_minmax(0,1fr)_auto]">
            <time dateTime={c.first.when} title={moment(c.first.when)} className="text-kumo-subtle">
              {ago(c.first.when)}
            </time>
            <span className="wrap-anywhere">{told(c)}</span>
            <span className="dim wrap-anywhere">{c.first.actor.email}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** A head that sorts by its column, and by name again. */
function SortHead(props: { label: string; by: StandingOrder; order: StandingOrder; onOrder: (o: StandingOrder) => void }) {
  const current = props.order === props.by;
  return (
    <Table.Head aria-sort={current ? "descending" : undefined}>
      <button
        type="button"
        className="inline-flex cursor-pointer items-center gap-1 border-0 bg-transparent p-0 font-[inherit] whitespace-nowrap text-inherit"
        title={current ? "By name" : "The worst first"}
        onClick={() => props.onOrder(current ? "name" : props.by)}
      >
        {props.label}
        {current ? <CaretDownIcon aria-hidden className="size-3" /> : <CaretUpDownIcon aria-hidden className="size-3 opacity-50" />}
      </button>
    </Table.Head>
  );
}

function ZoneTable(props: { account: string; zones: Schema<"ZoneStanding">[]; order: StandingOrder; onOrder: (o: StandingOrder) => void }) {
  const head = (by: StandingOrder, label: string) => <SortHead key={by} by={by} label={label} order={props.order} onOrder={props.onOrder} />;
  return (
    <DataTable
      label="Zones"
      rows={props.zones}
      id={(z) => z.id}
      columns={[
        {
          head: "Zone",
          cell: (z) => (
            <>
              <Link variant="plain" href={`/${props.account}/${z.name}/dns/records`} className="font-medium">
                {z.name}
              </Link>
              {z.paused && <span className="dim ml-2 text-sm">paused</span>}
            </>
          ),
        },
        { head: "Serial", cell: (z) => z.serial },
        { head: "Outgoing transfers", named: true, cell: (z) => <span className={z.enabled ? undefined : "dim"}>{z.enabled ? "On" : "Off"}</span> },
        { head: "Secondaries", sort: head("standing", "Secondaries"), cell: (z) => <Standing states={z.states} /> },
        {
          head: "Expires",
          sort: head("expires", "Expires"),
          className: "whitespace-nowrap text-kumo-danger",
          cell: (z) =>
            z.expires_on && (
              <time dateTime={z.expires_on} title={`A secondary stops answering ${moment(z.expires_on)}`}>
                {ago(z.expires_on)}
              </time>
            ),
        },
      ]}
    />
  );
}

/** How many secondaries are in which state: quiet where all is well. */
function Standing(props: { states: Schema<"ZoneStanding">["states"] }) {
  const known = stateWords.filter(([state]) => (props.states[state] ?? 0) > 0);
  if (known.length === 0) return <span className="dim">None linked</span>;
  return (
    <span className="flex flex-wrap gap-1">
      {known.map(([state, [variant, words]]) => (
        <Badge key={state} appearance="dot" variant={variant}>{`${props.states[state]} ${words.toLowerCase()}`}</Badge>
      ))}
    </span>
  );
}
