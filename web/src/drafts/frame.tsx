import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { useEffect } from "react";
import { ApiError, type Schema } from "../api/client";
import { collectIn, showsZone, useCollecting, type Collecting } from "../api/collect";
import { draftQuery } from "../api/drafts";
import { zoneQuery } from "../api/queries";
import { counted } from "../ui/format";
import { LeadToDraft } from "./choose";
import { isOver } from "./words";

/** The frame of a zone's pages: it says when changes go into a draft, and leads there what four eyes refuse. */
export function ZoneFrame() {
  const { account, zone: name } = useParams({ from: "/signed-in/$account/$zone" });
  const zone = useSuspenseQuery(zoneQuery(account, name)).data;
  const collecting = useCollecting(zone.id);
  useEffect(() => showsZone(zone.id), [zone.id]);
  return (
    <>
      {collecting && <CollectBar zone={zone} account={account} draft={collecting} />}
      <Outlet />
      <LeadToDraft zone={zone} />
    </>
  );
}

/** Says into which draft changes go. One that is there no more stays chosen until somebody says otherwise: nothing is changed unawares. */
function CollectBar({ zone, account, draft }: { zone: Schema<"Zone">; account: string; draft: Collecting }) {
  const known = useQuery(draftQuery(zone.id, draft.id));
  const gone = known.error instanceof ApiError && known.error.status === 404;
  const over = known.data !== undefined && isOver(known.data);
  const name = known.data?.name ?? draft.name;
  return (
    <div role="region" aria-label="Draft" className={`collecting flex flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-2 text-sm md:px-8`}>
      <span className="min-w-0 break-words" role="status">
        {gone ? (
          `The draft “${name}” is not there any more, so changes are refused.`
        ) : over ? (
          `The draft “${name}” has been applied, so changes are refused.`
        ) : (
          <>
            {"Changes go into the draft "}
            <Link href={`/${account}/${zone.name}/drafts/${draft.id}`}>{name}</Link>
            {known.data && ` (${counted(known.data.parts.length, "part")})`}
            {": nothing of it is made yet."}
          </>
        )}
      </span>
      <Button size="sm" onClick={() => collectIn(zone.id, null)}>
        Stop collecting
      </Button>
    </div>
  );
}
