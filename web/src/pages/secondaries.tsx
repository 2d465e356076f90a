import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { dnsSettingsQuery, peersQuery, secondariesQuery, tsigsQuery, zoneQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { DataTable } from "../ui/data-table";
import { Fact } from "../ui/fact";
import { ago, counted, moment, octets, span } from "../ui/format";
import { Card, Loaded, Page } from "../ui/page";
import { plainError } from "../ui/plain-error";
import { ConfigDialog } from "../transfers/config-dialog";
import { zoneRights } from "../ui/rights";
import { RaiseSerial } from "../transfers/raise-serial";
import { StateBadge } from "../ui/state";
import { Notice } from "../ui/notice";
import { courseQuery } from "../api/insight";
import { Lags } from "../plot/lags";
import { Strip } from "../plot/strip";
import { AccessCheck, noRequest, type AccessDraft } from "../zone/access-check";
import { worstFirst } from "../zone/followers";
import { Strangers } from "../zone/strangers";

/** How each secondary of the zone stands to us. */
export default function Secondaries() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/secondaries" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const known = useQuery(secondariesQuery(zone.id));
  const course = useQuery(courseQuery(zone.id)).data ?? null;
  const expire = useQuery(dnsSettingsQuery(zone.id)).data?.soa.expire;
  const peers = useQuery(peersQuery(account)).data ?? [];
  const keys = useQuery(tsigsQuery(account)).data ?? [];
  const [configured, setConfigured] = useState<string | null>(null);
  const [checked, setChecked] = useState<AccessDraft | null>(null);
  const keyOf = (peer: string) => keys.find((k) => k.id === peers.find((p) => p.id === peer)?.tsig_id) ?? null;
  const notify = useAction({
    done: "NOTIFY sent",
    stale: [["secondaries", zone.id]],
    run: () => result(api.POST("/client/v4/zones/{zone_id}/secondary_dns/outgoing/force_notify", { params: { path: { zone_id: zone.id } }, body: {} })),
  });
  return (
    <Page
      title="Secondaries"
      description={`Who holds which version of ${name}.`}
      actions={
        <>
          <Button onClick={() => setChecked(noRequest)}>Would it be allowed?</Button>
          <Button disabled={!known.data?.enabled || !zoneRights(zone).settings} loading={notify.busy} onClick={() => notify.run()}>
            Send NOTIFY
          </Button>
        </>
      }
    >
      <Loaded query={known}>
        {(s) =>
          s === null ? (
            <Notice variant="alert" title="Not watched" description="This server does not keep track of its secondaries." />
          ) : (
            <>
              <dl className="m-0 flex flex-wrap gap-x-10 gap-y-2">
                <Fact name="Our serial">{s.serial}</Fact>
                <Fact name="Outgoing transfers">{s.enabled ? "Enabled" : "Disabled"}</Fact>
              </dl>
              {s.peers.length === 0 && <Empty size="sm" title="No linked peers" description="A peer is linked to the zone where its transfers are set." contents={<Link href={`/${account}/${name}/dns/settings`}>Link a peer</Link>} />}
              {course && <Lags course={course} />}
              {worstFirst(s.peers).map((p) => (
                <Peer key={p.peer_id} course={course} peer={p} ours={s.serial} zone={zone.id} expire={expire ?? null} onConfigure={() => setConfigured(p.peer_id)} />
              ))}
              <Strangers account={account} zone={zone} list={s.strangers} onCheck={(o) => setChecked({ ...noRequest, address: o.address, key: o.key })} />
              <NameServers list={s.name_servers} enabled={s.enabled} />
            </>
          )
        }
      </Loaded>
      <ConfigDialog account={account} open={configured !== null} tsig={configured === null ? null : keyOf(configured)} zone={name} onClose={() => setConfigured(null)} />
      {checked && <AccessCheck zone={zone.id} first={checked} onClose={() => setChecked(null)} />}
    </Page>
  );
}

/** When a secondary that takes nothing any more stops answering: the SOA's expire time after it was last in step. */
function expiry(p: Schema<"SecondaryPeer">, expire: number | null): string | null {
  if (p.state === "in_step" || expire === null || p.seconds_behind === null) return null;
  const left = expire - p.seconds_behind;
  return left > 0 ? `In ${span(left)}` : "May have expired";
}

function distance(p: Schema<"SecondaryPeer">): string {
  const versions = p.versions_behind === null ? null : counted(p.versions_behind, "version");
  const seconds = p.seconds_behind === null ? null : counted(p.seconds_behind, "second");
  return [versions, seconds].filter((x) => x !== null).join(", ") || "–";
}

/** What the state means, and what to do about it. */
function Cause(props: { peer: Schema<"SecondaryPeer">; ours: number; zone: string }) {
  const p = props.peer;
  if (p.state === "ahead" && p.raise_to !== null) {
    return (
      <div className="mb-4 flex flex-wrap items-center justify-between gap-3">
        <p className="m-0 text-sm">{`It holds serial ${p.serial}, which is ahead of ours (${props.ours}): it takes no change until ours has passed it.`}</p>
        <RaiseSerial zone={props.zone} atLeast={p.raise_to} />
      </div>
    );
  }
  if (p.cause === "") return null;
  return <p className="mt-0 mb-4 text-sm">{`${p.cause.charAt(0).toUpperCase()}${p.cause.slice(1)}.${advice[p.state] ?? ""}`}</p>;
}

const advice: Partial<Record<Schema<"SecondaryState">, string>> = {
  wrong_key: " Compare name, algorithm and secret of the key on both sides; its configuration is behind the button here.",
  no_zone: " Add the zone to its configuration.",
  unreachable: " Is it running, and are address and port of the peer right?",
};

/** Whom something was, where several peers answer at one address. */
const whom = (names: string[]) => (names.length > 0 ? `, one of ${names.join(", ")}` : "");

/** What a transfer came by, and whom the client's certificate names. */
function carried(t: NonNullable<Schema<"SecondaryPeer">["last_transfer"]>): string {
  const client = t.client || t.client_key;
  return `${t.tls || t.transport.toUpperCase()}${client ? `, client ${client}` : t.transport === "tls" ? ", no client certificate" : ", in clear"}`;
}

function Peer(props: { course: Schema<"Course"> | null; peer: Schema<"SecondaryPeer">; ours: number; zone: string; expire: number | null; onConfigure: () => void }) {
  const p = props.peer;
  const expires = expiry(p, props.expire);
  const strip = props.course?.strips.find((s) => s.peer_id === p.peer_id);
  const [notify, transfer, refusal] = [p.last_notify, p.last_transfer, p.last_refusal];
  return (
    <Card title={p.name} description={p.address || "No address: NOTIFY cannot be sent"} actions={
        <span className="flex flex-wrap items-center gap-3">
          <StateBadge state={p.state} />
          <Button size="sm" aria-label={`Configuration of ${p.name}`} onClick={props.onConfigure}>
            Configuration
          </Button>
        </span>
      }>
      <Cause {...props} />
      {strip && props.course && (
        <div className="mb-4">
          <Strip name={p.name} states={strip.states} end={props.course.strip_end} step={props.course.strip_step} />
        </div>
      )}
      <dl className="m-0 flex flex-wrap gap-x-10 gap-y-2">
        <Fact name="Serial it holds">{p.serial === null ? "Not known" : p.serial === props.ours ? `${p.serial}, as ours` : p.serial}</Fact>
        {p.state !== "in_step" && <Fact name="Behind by">{distance(p)}</Fact>}
        {expires !== null && <Fact name="Expires there">{expires}</Fact>}
        <Fact name="Last seen">{ago(p.seen_on)}</Fact>
        <Fact name="Last transfer">{transfer ? `${transfer.kind}, ${octets(transfer.bytes)}, ${ago(transfer.on)}` : "–"}</Fact>
      </dl>
      {/* What each has in its own words, for whoever looks for a cause: where all is well it is not in the way. */}
      <details className="mt-3 text-sm" open={p.state !== "in_step" || undefined}>
        <summary className="cursor-pointer text-kumo-link">
          NOTIFY, transfers and refusals<span className="sr-only">{` of ${p.name}`}</span>
        </summary>
        <dl className="mt-3 mb-0 grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
          <Fact name="Last NOTIFY">
            {notify ? `${ago(notify.on)}, serial ${notify.serial} by ${notify.transport.toUpperCase()}: ${notify.answer}${notify.attempts > 0 ? ` (${counted(notify.attempts, "attempt")})` : ""}` : "–"}
          </Fact>
          {p.address && <Fact name="NOTIFY leaves from">{p.notify_source || "An address that the system chooses"}</Fact>}
          {transfer && (
            <>
              <Fact name="What it took">{`${transfer.kind} to ${transfer.serial}, ${counted(transfer.records, "record")} in ${transfer.milliseconds} ms, ${transfer.key ? `key ${transfer.key}` : "no key"}${whom(transfer.one_of)}`}</Fact>
              <Fact name="It came by">{carried(transfer)}</Fact>
            </>
          )}
          <Fact name="Last refusal">{refusal ? `${ago(refusal.on)}, ${refusal.address}${whom(refusal.one_of)}: ${refusal.reason}` : "–"}</Fact>
        </dl>
        {p.history.length > 0 && <Timeline peer={p} />}
      </details>
    </Card>
  );
}

function Timeline({ peer: p }: { peer: Schema<"SecondaryPeer"> }) {
  return (
    <ol className="mt-5 mb-0 flex list-none flex-col gap-2 border-l-2 border-kumo-hairline p-0 pl-4" aria-label={`Timeline of ${p.name}`}>
      {p.history.slice(0, 12).map((e, i) => (
        <li key={`${e.on} ${i}`} className="flex flex-wrap items-center gap-2 text-sm">
          <time dateTime={e.on} title={moment(e.on)} className="w-28 text-kumo-subtle">
            {ago(e.on)}
          </time>
          <Badge variant={e.event === "refusal" ? "error" : "outline"}>{e.event}</Badge>
          <span className="min-w-0 break-words">{e.text}</span>
          {e.count > 1 && <span className="text-kumo-subtle">{`× ${e.count} since ${moment(e.since)}`}</span>}
        </li>
      ))}
    </ol>
  );
}

function NameServers(props: { list: Schema<"SecondaryNS">[]; enabled: boolean }) {
  const title = <h2 className="m-0 text-lg font-semibold">Name servers, asked from outside</h2>;
  if (props.list.length === 0) {
    return (
      <section aria-label="Name servers" className="flex flex-col gap-3">
        {title}
        <p className="m-0 text-sm text-kumo-subtle">
          {props.enabled
            ? "None was asked yet. The server asks them now and then when it was started with a resolver."
            : "They are asked while outgoing transfers are on."}
        </p>
      </section>
    );
  }
  return (
    <section aria-label="Name servers" className="flex flex-col gap-3">
      {title}
      <DataTable
        label="Name servers"
        rows={props.list}
        id={(n) => `${n.name} ${n.address}`}
        columns={[
          { head: "Name", className: "font-medium break-all", cell: (n) => n.name },
          { head: "Address", className: "font-mono text-sm", cell: (n) => n.address || "–" },
          { head: "State", cell: (n) => <StateBadge state={n.state} /> },
          {
            head: "Serial",
            named: true,
            cell: (n) => (
              <>
                {n.serial ?? "–"}
                {n.error && (
                  <span className="block text-sm text-kumo-subtle" title={n.error}>
                    {plainError(n.error)}
                  </span>
                )}
              </>
            ),
          },
          { head: "Last seen", named: true, cell: (n) => ago(n.seen_on) },
        ]}
      />
    </section>
  );
}
