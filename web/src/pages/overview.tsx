import { Link } from "@cloudflare/kumo/components/link";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Schema } from "../api/client";
import { errorReportsQuery } from "../api/digest";
import { courseQuery } from "../api/insight";
import { dnsSettingsQuery, recordCountQuery, secondariesQuery, zoneQuery } from "../api/queries";
import { Copyables } from "../ui/copyable";
import { Card, Loaded, Page } from "../ui/page";
import { stateWords } from "../ui/state";
import { ChangesCard } from "../zone/changes";
import { CurvesCard } from "../zone/curves";
import { FollowersCard } from "../zone/followers";
import { QueriesCard } from "../zone/queries";

/** One zone at a look: how it stands, who follows it, what it is asked, and what was changed last. */
export default function Overview() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const known = useQuery(secondariesQuery(zone.id));
  const course = useQuery(courseQuery(zone.id)).data ?? null;
  const expire = useQuery(dnsSettingsQuery(zone.id)).data?.soa.expire ?? null;
  const records = useQuery(recordCountQuery(zone.id, {})).data;
  const reports = useQuery(errorReportsQuery(zone.id)).data?.total ?? 0;
  const base = `/${account}/${name}`;
  const linked = (known.data?.peers.length ?? 0) > 0;
  return (
    <Page title={name} tab="Overview">
      <Loaded query={known}>{(s) => <Verdict base={base} known={s} records={records} reports={reports} />}</Loaded>
      <div className="grid items-start gap-4 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          {linked && known.data && <FollowersCard base={base} peers={known.data.peers} course={course} expire={expire} />}
          <QueriesCard zone={zone} />
          <Card title="Nameservers" description="What the parent should name." actions={<Link href={`${base}/dns/settings`}>Settings</Link>}>
            <Copyables items={zone.name_servers.map((n, i) => [`Nameserver ${i + 1}`, n] as const)} />
          </Card>
        </div>
        <div className="flex min-w-0 flex-col gap-4">
          <ChangesCard zone={zone} base={base} course={course} />
          {linked && <CurvesCard zone={zone} />}
        </div>
      </div>
    </Page>
  );
}

/** The one thing to know, and four figures. */
function Verdict(props: { base: string; known: Schema<"Secondaries"> | null; records: number | undefined; /** Of resolvers, of errors */ reports: number }) {
  const { known: s, base } = props;
  const [tone, text] = standing(s);
  return (
    <section aria-label="How the zone stands" className="flex flex-wrap items-end justify-between gap-x-10 gap-y-3">
      <p className="m-0 flex items-center gap-3 text-xl font-semibold">
        <svg aria-hidden viewBox="0 0 10 10" className="size-3 shrink-0">
          <circle cx="5" cy="5" r="5" className={tone} />
        </svg>
        {text}
      </p>
      <dl className="m-0 flex flex-wrap gap-x-8 gap-y-2">
        <Figure name="Serial">{s?.serial ?? "–"}</Figure>
        <Figure name="Records">
          <Link href={`${base}/dns/records`} variant="plain">
            {props.records === undefined ? "–" : props.records.toLocaleString("en")}
          </Link>
        </Figure>
        <Figure name="Outgoing transfers">{s?.enabled ? "On" : "Off"}</Figure>
        {props.reports > 0 && (
          <Figure name="Errors that resolvers report">
            <Link href={`${base}/dns/settings/dnssec`}>{props.reports.toLocaleString("en")}</Link>
          </Figure>
        )}
      </dl>
    </section>
  );
}

function standing(s: Schema<"Secondaries"> | null): [tone: string, text: string] {
  if (s === null) return ["plot-none", "Secondaries are not watched"];
  if (s.peers.length === 0) return ["plot-none", "No secondaries are linked"];
  if (!s.enabled) return ["plot-warn", "Transfers are off: secondaries get no changes"];
  const there = s.peers.filter((p) => p.state === "in_step").length;
  if (there === s.peers.length) return ["plot-good", there === 1 ? "The secondary is in step" : `All ${there} secondaries are in step`];
  const worst = stateWords.filter(([state]) => state !== "in_step").flatMap(([state, [, words]]) => {
    const n = s.peers.filter((p) => p.state === state).length;
    return n > 0 ? [`${n} ${words.toLowerCase()}`] : [];
  });
  const mild = s.peers.every((p) => ["in_step", "behind", "unknown", "no_address"].includes(p.state));
  return [mild ? "plot-warn" : "plot-bad", `${there} of ${s.peers.length} in step · ${worst.join(" · ")}`];
}

function Figure(props: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-sm text-kumo-subtle">{props.name}</dt>
      <dd className="m-0 text-lg font-semibold tabular-nums">{props.children}</dd>
    </div>
  );
}
