import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { Table } from "@cloudflare/kumo/components/table";
import { PlusIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useState } from "react";
import type { Schema } from "../api/client";
import { outgoingStatusQuery, secondariesQuery, zonesQuery } from "../api/queries";
import { Loaded, Page, TableFrame } from "../ui/page";
import { stateWords } from "../ui/state";
import { AddZone } from "./home-add";

/** All zones of the account, with how their secondaries stand. */
export default function Home() {
  const { account } = useParams({ from: "/signed-in/$account/home" });
  const { search: asked = "", page = 1 } = useSearch({ from: "/signed-in/$account/home" });
  const navigate = useNavigate({ from: "/$account/home" });
  const [search, setText] = useState(asked);
  const [adding, setAdding] = useState(false);
  const zones = useQuery(zonesQuery({ account, search: useDeferredValue(search.trim()), page }));
  // What is looked at stands in the address, so that Back from a zone leads to the same list.
  const setSearch = (text: string) => {
    setText(text);
    void navigate({ search: { search: text.trim() || undefined }, replace: true });
  };
  const setPage = (p: number) => void navigate({ search: (s) => ({ ...s, page: p === 1 ? undefined : p }) });
  return (
    <Page
      title="Account home"
      description="The zones of this account, and how far their secondaries are."
      actions={
        <Button variant="primary" icon={PlusIcon} onClick={() => setAdding(true)}>
          Add a zone
        </Button>
      }
    >
      <Input
        aria-label="Search zones"
        placeholder="Search zones"
        type="search"
        value={search}
        onChange={(e) => setSearch(e.target.value)}
      />
      <Loaded query={zones}>
        {(answer) =>
          answer.result.length === 0 ? (
            <Empty
              title={search === "" ? "No zones yet" : "No zone matches"}
              description={search === "" ? "Add your first zone; its records follow." : "Try another part of the name."}
            />
          ) : (
            <>
              <ZoneTable account={account} zones={answer.result} />
              <Pagination page={page} setPage={setPage} perPage={20} totalCount={answer.result_info.total_count} />
            </>
          )
        }
      </Loaded>
      <AddZone account={account} open={adding} onClose={() => setAdding(false)} />
    </Page>
  );
}

function ZoneTable(props: { account: string; zones: Schema<"Zone">[] }) {
  return (
    <TableFrame label="Zones">
      <Table className="dense">
        <Table.Header>
          <Table.Row>
            <Table.Head>Zone</Table.Head>
            <Table.Head>Status</Table.Head>
            <Table.Head>Serial</Table.Head>
            <Table.Head>Outgoing transfers</Table.Head>
            <Table.Head>Secondaries</Table.Head>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {props.zones.map((z) => (
            <ZoneRow key={z.id} account={props.account} zone={z} />
          ))}
        </Table.Body>
      </Table>
    </TableFrame>
  );
}

function ZoneRow(props: { account: string; zone: Schema<"Zone"> }) {
  const zone = props.zone;
  const status = useQuery(outgoingStatusQuery(zone.id)).data;
  const known = useQuery({ ...secondariesQuery(zone.id), refetchInterval: 10_000 }).data;
  return (
    <Table.Row>
      <Table.Cell>
        <Link variant="plain" to={`/${props.account}/${zone.name}/dns/records`} className="font-medium">
          {zone.name}
        </Link>
      </Table.Cell>
      <Table.Cell>
        <Badge variant={zone.paused || zone.status !== "active" ? "neutral" : "success"}>
          {zone.paused ? "Paused" : zone.status.charAt(0).toUpperCase() + zone.status.slice(1)}
        </Badge>
      </Table.Cell>
      <Table.Cell>{known ? known.serial : "–"}</Table.Cell>
      <Table.Cell>{status === "Enabled" ? <Badge variant="success">On</Badge> : <Badge variant="neutral">Off</Badge>}</Table.Cell>
      <Table.Cell>{known ? <Standing peers={known.peers} /> : "–"}</Table.Cell>
    </Table.Row>
  );
}

function Standing(props: { peers: Schema<"SecondaryPeer">[] }) {
  const count = (state: Schema<"SecondaryState">) => props.peers.filter((p) => p.state === state).length;
  if (props.peers.length === 0) return "None linked";
  return (
    <span className="flex flex-wrap gap-1">
      {stateWords.map(([state, [variant, words]]) => {
        const n = count(state);
        return n > 0 && <Badge key={state} variant={variant}>{`${n} ${words.toLowerCase()}`}</Badge>;
      })}
    </span>
  );
}
