import { Link } from "@cloudflare/kumo/components/link";
import { Table } from "@cloudflare/kumo/components/table";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schema } from "../api/client";
import { recordCountQuery, secondariesQuery, zoneQuery } from "../api/queries";
import { auditQuery, said } from "../audit/entries";
import { ago, moment } from "../ui/format";
import { Card, Loaded, Page } from "../ui/page";
import { useMay } from "../ui/rights";
import { StateBadge } from "../ui/state";

/** How many changes the page shows. */
const recent = 8;

/** One zone at a look: what it serves, who follows it, and what was changed last. */
export default function Overview() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const known = useQuery(secondariesQuery(zone.id));
  const records = useQuery(recordCountQuery(zone.id, {})).data;
  const base = `/${account}/${name}`;
  return (
    <Page title={name} tab="Overview">
      <Loaded query={known}>
        {(s) => (
          <dl className="m-0 grid gap-4 sm:grid-cols-2 lg:grid-cols-4">
            <Figure name="Secondaries">{s === null ? "Not watched" : inStep(s)}</Figure>
            <Figure name="Serial">{s?.serial ?? "–"}</Figure>
            <Figure name="Records">{records === undefined ? "–" : records.toLocaleString("en")}</Figure>
            <Figure name="Outgoing transfers">{s?.enabled ? "On" : "Off"}</Figure>
          </dl>
        )}
      </Loaded>
      <nav aria-label="Of this zone" className="flex flex-wrap gap-4">
        <Link href={`${base}/dns/records`}>Records</Link>
        <Link href={`${base}/dns/settings`}>Settings</Link>
        <Link href={`${base}/secondaries`}>Secondaries</Link>
      </nav>
      {known.data && known.data.peers.length > 0 && (
        <Card title="Who follows it">
          <ul className="m-0 flex list-none flex-col gap-2 p-0">
            {known.data.peers.map((p) => (
              <li key={p.peer_id} className="flex flex-wrap items-center gap-3 text-sm">
                <StateBadge state={p.state} />
                <span className="font-medium">{p.name}</span>
                <span className="text-kumo-subtle">{p.last_transfer ? `${p.last_transfer.kind} ${ago(p.last_transfer.on)}` : "no transfer yet"}</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
      <Card title="Nameservers" description="What the parent should name.">
        <ul className="m-0 list-none p-0 font-mono text-sm">
          {zone.name_servers.map((n) => (
            <li key={n}>{n}</li>
          ))}
        </ul>
      </Card>
      <Changes account={account} zone={name} />
    </Page>
  );
}

function inStep(s: Schema<"Secondaries">): string {
  if (s.peers.length === 0) return "None linked";
  return `${s.peers.filter((p) => p.state === "in_step").length} of ${s.peers.length} in step`;
}

function Figure(props: { name: string; children: ReactNode }) {
  return (
    <div className="rounded-lg bg-kumo-base px-5 py-4 ring ring-kumo-hairline">
      <dt className="text-sm text-kumo-subtle">{props.name}</dt>
      <dd className="m-0 text-xl font-semibold break-words tabular-nums">{props.children}</dd>
    </div>
  );
}

function Changes(props: { account: string; zone: string }) {
  const may = useMay(props.account, "Account Settings Read");
  const log = useQuery({ ...auditQuery(props.account, { zone: props.zone, page: 1 }, recent), enabled: may });
  if (!may) return null;
  return (
    <Card title="Last changes" actions={<Link href={`/${props.account}/audit-log?zone=${encodeURIComponent(props.zone)}`}>All changes</Link>}>
      <Loaded query={log}>
        {(answer) =>
          answer.result.length === 0 ? (
            <p className="m-0 text-sm text-kumo-subtle">Nothing was changed yet.</p>
          ) : (
            <Table className="dense cards">
              <Table.Body>
                {answer.result.map((e) => (
                  <Table.Row key={e.id}>
                    <Table.Cell className="whitespace-nowrap">
                      <time dateTime={e.when} title={moment(e.when)}>
                        {ago(e.when)}
                      </time>
                    </Table.Cell>
                    <Table.Cell className="break-words">{said(e)}</Table.Cell>
                    <Table.Cell>{e.actor.email ?? "–"}</Table.Cell>
                  </Table.Row>
                ))}
              </Table.Body>
            </Table>
          )
        }
      </Loaded>
    </Card>
  );
}
