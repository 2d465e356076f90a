import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { PlusIcon } from "@phosphor-icons/react";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { draftsQuery, type Draft } from "../api/drafts";
import { zoneQuery } from "../api/queries";
import { NewDraft } from "../drafts/choose";
import { FourEyesCard } from "../drafts/four-eyes";
import { isOver, stateLine, states, whoText } from "../drafts/words";
import { Begin } from "../ui/begin";
import { DataTable } from "../ui/data-table";
import { ago, moment } from "../ui/format";
import { Loaded, Page, Skeleton } from "../ui/page";
import { readOnlyText, zoneRights } from "../ui/rights";

/** The drafts of a zone, and whether it is changed by them alone. */
export default function Drafts() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone/drafts" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const drafts = useQuery(draftsQuery(zone.id));
  const navigate = useNavigate();
  const [making, setMaking] = useState(false);
  const may = zoneRights(zone).records;
  const add = (
    <Button variant="primary" icon={PlusIcon} disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setMaking(true)}>
      New draft
    </Button>
  );
  return (
    <Page
      title="Drafts"
      description="Changes that are put together by one or several, looked at, and made all at once, now or at a time."
      actions={(drafts.data?.length ?? 0) > 0 && add}
    >
      <Loaded query={drafts} waiting={<Skeleton />}>
        {(list) => (list.length === 0 ? (
          <Begin
            title="No drafts"
            about="Changes that are made one by one take effect at once. A draft collects them, shows what they come to, and makes them together: for a move to other servers, or for what somebody else should look at before."
            steps={["Make a draft and name what it is for.", "Change records, settings or imports as always: they go into the draft while you collect into it.", "Look at the draft's plan, have it approved where the zone wants that, and apply it now or at a time."]}
            action={add}
          />
        ) : <DraftTable base={`/${account}/${name}/drafts`} drafts={list} />)}
      </Loaded>
      <FourEyesCard zone={zone} account={account} />
      {making && <NewDraft zone={zone} onClose={() => setMaking(false)} onMade={(d) => void navigate({ to: "/$account/$zone/drafts/$draft", params: { account, zone: name, draft: d.id } })} />}
    </Page>
  );
}

function DraftTable(props: { base: string; drafts: Draft[] }) {
  const newest = [...props.drafts].sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || b.modified_on.localeCompare(a.modified_on));
  return (
    <DataTable
      label="Drafts"
      rows={newest}
      id={(d) => d.id}
      columns={[
        {
          head: "Draft",
          className: "break-words",
          cell: (d) => (
            <>
              <Link variant="plain" href={`${props.base}/${d.id}`} className="font-medium">
                {d.name}
              </Link>
              {d.note && <span className="dim block max-w-xl truncate text-sm">{d.note}</span>}
            </>
          ),
        },
        {
          head: "State",
          cell: (d) => (
            <span className="flex flex-wrap items-center gap-2">
              <Badge appearance="dot" variant={states[d.state][0]}>
                {states[d.state][1]}
              </Badge>
              <span className="dim text-sm break-words">{stateLine(d)}</span>
            </span>
          ),
        },
        { head: "Made by", className: "break-all", cell: (d) => whoText(d.created_by) },
        {
          head: "Last edit",
          named: true,
          className: "whitespace-nowrap",
          cell: (d) => (
            <time dateTime={d.modified_on} title={moment(d.modified_on)}>
              {ago(d.modified_on)}
            </time>
          ),
        },
      ]}
    />
  );
}
