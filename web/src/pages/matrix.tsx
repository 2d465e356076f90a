import { Empty } from "@cloudflare/kumo/components/empty";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import type { Schema } from "../api/client";
import { usePace } from "../api/events";
import { peersQuery, standingsQuery } from "../api/queries";
import { Choice } from "../ui/choice";
import { ago, counted } from "../ui/format";
import { Loaded, Page, Skeleton, TableFrame } from "../ui/page";
import { stateText, stateWords } from "../ui/state";

const perPage = 100;

const orders = [
  ["standing", "Worst first"],
  ["expires", "Soonest to expire first"],
  ["name", "By name"],
] as const;

/** Who holds what: every zone of the account and every secondary. */
export default function Matrix() {
  const from = "/signed-in/$account/secondaries";
  const { account } = useParams({ from });
  const { page = 1, search: asked = "", order = "name" } = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/secondaries" });
  const [text, setText] = useState(asked);
  const search = useDeferredValue(text.trim());
  const zones = useQuery({ ...standingsQuery({ account, search, page, perPage, peers: true, order }), refetchInterval: usePace(10_000) });
  const peers = [...(useQuery(peersQuery(account)).data ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  const type = (t: string) => {
    setText(t);
    void navigate({ search: (s) => ({ ...s, page: undefined, search: t.trim() || undefined }), replace: true });
  };
  return (
    <Page title="Secondaries" description="Every zone and every secondary of the account.">
      <div className="grid gap-3 sm:grid-cols-[1fr_16rem]">
        <Input type="search" aria-label="Search zones" placeholder="Search zones" value={text} onChange={(e) => type(e.target.value)} />
        <Choice label="Order" hideLabel value={order} options={orders} onChange={(o) => void navigate({ search: (s) => ({ ...s, page: undefined, order: o === "name" ? undefined : o }) })} />
      </div>
      <Loaded query={zones} waiting={<Skeleton />}>
        {(answer) =>
          answer.result.length === 0 ? (
            <Empty title="No zone matches" description="Try another part of the name." />
          ) : (
            <>
              <Key zones={answer.result} part={answer.result_info.total_count > answer.result.length} />
              <Grid account={account} zones={answer.result} peers={peers} />
              <div className="pager">
                <Pagination page={page} setPage={(p) => void navigate({ search: (s) => ({ ...s, page: p === 1 ? undefined : p }) })} perPage={perPage} totalCount={answer.result_info.total_count} />
              </div>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

const marks: Record<string, [sign: string, colour: string]> = {
  in_step: ["●", "mark-good"],
  behind: ["◐", "mark-warn"],
  ahead: ["◑", "mark-warn"],
  unknown: ["○", "mark-none"],
  no_address: ["–", "mark-none"],
};
const bad = ["▲", "mark-bad"] as const;

const markOf = (state: string) => marks[state] ?? bad;

/** The marks that stand below, in words, and how many there are of each. */
function Key(props: { zones: Schema<"ZoneStanding">[]; /** There are more zones than those. */ part: boolean }) {
  const count = new Map<string, number>();
  for (const p of props.zones.flatMap((z) => z.peers ?? [])) count.set(p.state, (count.get(p.state) ?? 0) + 1);
  const all = [...count.values()].reduce((a, b) => a + b, 0);
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-sm text-kumo-subtle">
      <span>{`${counted(all, "copy", "copies")} of ${counted(props.zones.length, "zone")}${props.part ? " on this page" : ""}:`}</span>
      <ul className="m-0 flex list-none flex-wrap gap-x-4 gap-y-1 p-0" aria-label="States, and how many copies are in each">
        {stateWords.filter(([state]) => count.has(state)).map(([state, [, words]]) => (
          <li key={state} className="flex items-center gap-1.5">
            <span aria-hidden className={markOf(state)[1]}>
              {markOf(state)[0]}
            </span>
            <strong className="tabular-nums text-kumo-default">{count.get(state)!.toLocaleString("en")}</strong>
            {words.toLowerCase()}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Grid(props: { account: string; zones: Schema<"ZoneStanding">[]; peers: Schema<"Peer">[] }) {
  const { account, peers } = props;
  return (
    <TableFrame label="Zones and secondaries">
      <table className="matrix w-full text-left text-sm">
        <thead>
          <tr>
            <th scope="col">Zone</th>
            {peers.map((p) => (
              <th key={p.id} scope="col" className="text-center" title={p.name}>
                <span className="inline-block max-w-28 truncate align-bottom">{p.name}</span>
              </th>
            ))}
            <th scope="col">Expires</th>
          </tr>
        </thead>
        <tbody>
          {props.zones.map((z) => {
            const of = new Map(z.peers?.map((p) => [p.peer_id, p]));
            return (
              <tr key={z.id}>
                <th scope="row" className="font-normal">
                  <Link variant="plain" href={`/${account}/${z.name}/secondaries`} className="break-all">
                    {z.name}
                  </Link>
                  {!z.enabled && (z.peers?.length ?? 0) > 0 && <span className="dim ml-2">transfers off</span>}
                </th>
                {peers.map((p) => {
                  const held = of.get(p.id);
                  return <td key={p.id} className="text-center">{held && <Mark peer={p.name} held={held} off={!z.enabled} />}</td>;
                })}
                <td className={z.expires_on ? "text-kumo-danger" : ""}>{z.expires_on ? ago(z.expires_on) : ""}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Mark(props: { peer: string; held: Schema<"StandingPeer">; off: boolean }) {
  const { held } = props;
  const [sign, colour] = markOf(held.state);
  const behind = held.versions_behind ? `, ${counted(held.versions_behind, "version")} behind` : "";
  return (
    <span role="img" aria-label={stateText(held.state) + behind} title={`${props.peer}: ${stateText(held.state)}${behind}${props.off ? " (transfers are off)" : ""}`} className={props.off ? "mark-none" : colour}>
      {sign}
    </span>
  );
}
