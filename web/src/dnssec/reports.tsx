import { Button } from "@cloudflare/kumo/components/button";
import { Empty } from "@cloudflare/kumo/components/empty";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { errorReportsQuery, forgetErrorReports } from "../api/digest";
import { useAction } from "../ui/action";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog } from "../ui/dialogs";
import { ago, counted, moment } from "../ui/format";
import { Notice } from "../ui/notice";
import { Card, Loaded } from "../ui/page";
import { readOnlyText } from "../ui/rights";
import { toUnicode } from "../ui/unicode";

type Reports = Schema<"ErrorReports">;

/** Errors that resolvers met with answers of the zone, and told us of (RFC 9567). */
export function ReportsCard({ zone, may }: { zone: Schema<"Zone">; may: boolean }) {
  const reports = useQuery(errorReportsQuery(zone.id));
  const [forgetting, setForgetting] = useState(false);
  const forget = useAction({
    quiet: true,
    stale: [["error-reports", zone.id]],
    done: (out) => `${counted(out.forgotten, "report")} forgotten`,
    run: () => forgetErrorReports(zone.id),
    then: () => setForgetting(false),
  });
  const some = (reports.data?.reports.length ?? 0) > 0;
  return (
    <Card
      title="What resolvers report"
      description="Errors that resolvers met with answers of this zone, and told us of (RFC 9567). Anybody can report what was never so: take it for a hint."
      actions={
        some && (
          <Button size="sm" disabled={!may} title={may ? undefined : readOnlyText} onClick={() => setForgetting(true)}>
            Forget them
          </Button>
        )
      }
    >
      <Loaded query={reports}>{(r) => (r === null ? <p className="m-0 text-sm text-kumo-subtle">This node takes no reports.</p> : <Heard reports={r} />)}</Loaded>
      <ConfirmDialog
        open={forgetting}
        title="Forget what resolvers report"
        text={`What was reported of ${zone.name} to this node is gone. What is reported from then on is kept.`}
        submit="Forget"
        busy={forget.busy}
        error={forget.error}
        onClose={() => {
          setForgetting(false);
          forget.reset();
        }}
        onConfirm={() => forget.run()}
      />
    </Card>
  );
}

function Heard({ reports: r }: { reports: Reports }) {
  return (
    <div className="flex flex-col gap-4">
      {r.agent === "" ? (
        <p className="m-0 text-sm text-kumo-subtle">This server names no place to report to: it was started without --report-agent.</p>
      ) : (
        <p className="m-0 text-sm text-kumo-subtle break-words">
          {`Resolvers report below ${r.agent}${r.node ? `; this is what ${r.node} heard since it started` : "; this is what this node heard since it started"}: ${counted(r.total, "report")}.`}
          {r.dropped > 0 && ` ${counted(r.dropped, "more kind")} had no room.`}
        </p>
      )}
      {r.agent !== "" && !r.ready && <Notice variant="alert" description={`Questions below ${r.agent} are not answered here, so that resolvers take it for broken: a wildcard TXT at *._er.${r.agent} is missing.`} />}
      {r.reports.length === 0 ? r.agent !== "" && <Empty size="sm" title="Nothing was reported" /> : <Rows list={r.reports} />}
    </div>
  );
}

function Rows({ list }: { list: Reports["reports"] }) {
  return (
    <DataTable
      label="Reports of resolvers"
      rows={list}
      id={(e) => `${e.name} ${e.type} ${e.code}`}
      columns={[
        { head: "Name", className: "font-medium break-all", cell: (e) => toUnicode(e.name) },
        { head: "Type", cell: (e) => e.type },
        { head: "Error", named: true, cell: (e) => (e.text ? `${e.text} (${e.code})` : e.code) },
        {
          head: "Times",
          named: true,
          cell: (e) => (
            <>
              {e.count.toLocaleString("en")}
              {e.count > 1 && e.first_on && <span className="dim">{` since ${moment(e.first_on)}`}</span>}
            </>
          ),
        },
        { head: "Last", named: true, cell: (e) => (e.on ? <time dateTime={e.on} title={moment(e.on)}>{ago(e.on)}</time> : "–") },
        { head: "From", named: true, cell: (e) => <span className="font-mono text-sm">{e.from}</span> },
      ]}
    />
  );
}
