import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { Link } from "@cloudflare/kumo/components/link";
import { Table } from "@cloudflare/kumo/components/table";
import { PlusIcon } from "@phosphor-icons/react";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { draftsQuery, type Draft } from "../api/drafts";
import { zoneQuery } from "../api/queries";
import { NewDraft } from "../drafts/choose";
import { FourEyesCard } from "../drafts/four-eyes";
import { isOver, stateLine, states, whoText } from "../drafts/words";
import { ago, moment } from "../ui/format";
import { Loaded, Page, Skeleton, TableFrame } from "../ui/page";
import { readOnlyText, zoneRights } from "../ui/rights";

/** The drafts of a zone, and whether it is changed by them alone. */
export default function Drafts() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/drafts" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const drafts = useQuery(draftsQuery(zone.id));
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const may = zoneRights(zone).records;
  return (
    <Page
      title="Drafts"
      description="Changes that are put together by one or several, looked at, and made all at once, now or at a time."
      wide
      actions={
        <Button variant="primary" icon={PlusIcon} disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setMaking(true)}>
          New draft
        </Button>
      }
    >
      <Loaded query={drafts} waiting={<Skeleton />}>
        {(list) => (list.length === 0 ? <Empty title="No drafts" description="Make one, and collect changes into it." /> : <DraftTable base={`/${account}/${name}/drafts`} drafts={list} />)}
      </Loaded>
      <FourEyesCard zone={zone} account={account} />
      {making && <NewDraft zone={zone} onClose={() => setMaking(false)} onMade={(d) => void navigate({ to: "/$account/$zone/drafts/$draft", params: { account, zone: name, draft: d.id } })} />}
    </Page>
  );
}

function DraftTable(props: { base: string; drafts: Draft[] }) {
  const newest = [...props.drafts].sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || b.modified_on.localeCompare(a.modified_on));
  return (
    <TableFrame label="Drafts">
      <Table className="dense cards">
        <Table.Header>
          <Table.Row>
            <Table.Head>Draft</Table.Head>
            <Table.Head>State</Table.Head>
            <Table.Head>Made by</Table.Head>
            <Table.Head>Last edit</Table.Head>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {newest.map((d) => (
            <Table.Row key={d.id}>
              <Table.Cell className="break-words">
                <Link variant="plain" href={`${props.base}/${d.id}`} className="font-medium">
                  {d.name}
                </Link>
                {d.note && <span className="dim block max-w-xl truncate text-sm">{d.note}</span>}
              </Table.Cell>
              <Table.Cell>
                <span className="flex flex-wrap items-center gap-2">
                  <Badge appearance="dot" variant={states[d.state][0]}>
                    {states[d.state][1]}
                  </Badge>
                  <span className="dim text-sm break-words">{stateLine(d)}</span>
                </span>
              </Table.Cell>
              <Table.Cell className="break-all">{whoText(d.created_by)}</Table.Cell>
              <Table.Cell className="whitespace-nowrap" data-head="Last edit">
                <time dateTime={d.modified_on} title={moment(d.modified_on)}>
                  {ago(d.modified_on)}
                </time>
              </Table.Cell>
            </Table.Row>
          ))}
        </Table.Body>
      </Table>
    </TableFrame>
  );
}
