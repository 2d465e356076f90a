import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { Table } from "@cloudflare/kumo/components/table";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, call, type Schema } from "../api/client";
import { InfoDialog } from "../ui/dialogs";
import { moment } from "../ui/format";
import { Loaded, Page, TableFrame } from "../ui/page";

const perPage = 50;

/** What was changed, by whom, and from where. */
export default function AuditLog() {
  const { account } = useParams({ from: "/signed-in/$account/audit-log" });
  const [page, setPage] = useState(1);
  const [shown, setShown] = useState<Schema<"AuditV1"> | null>(null);
  const log = useQuery({
    queryKey: ["audit", account, page],
    placeholderData: keepPreviousData,
    queryFn: () =>
      call(
        api.GET("/client/v4/accounts/{account_id}/audit_logs", {
          params: { path: { account_id: account }, query: { page, per_page: perPage } },
        }),
      ),
  });
  return (
    <Page title="Audit log" description="Every change in this account, newest first. Secrets are never in it.">
      <Loaded query={log}>
        {(answer) => (
          <>
            <TableFrame label="Audit log">
              <Table>
                <Table.Header>
                  <Table.Row>
                    <Table.Head>When</Table.Head>
                    <Table.Head>Action</Table.Head>
                    <Table.Head>Resource</Table.Head>
                    <Table.Head>Who</Table.Head>
                    <Table.Head>Address</Table.Head>
                    <Table.Head>Details</Table.Head>
                  </Table.Row>
                </Table.Header>
                <Table.Body>
                  {answer.result.map((e) => (
                    <Table.Row key={e.id}>
                      <Table.Cell className="whitespace-nowrap">{moment(e.when)}</Table.Cell>
                      <Table.Cell>
                        <Badge variant={e.action.result ? "neutral" : "error"}>{e.action.type}</Badge>
                      </Table.Cell>
                      <Table.Cell>{e.resource.type}</Table.Cell>
                      <Table.Cell>{e.actor.email ?? "–"}</Table.Cell>
                      <Table.Cell>{e.actor.ip ?? "–"}</Table.Cell>
                      <Table.Cell>
                        <Button size="sm" onClick={() => setShown(e)}>
                          Show
                        </Button>
                      </Table.Cell>
                    </Table.Row>
                  ))}
                </Table.Body>
              </Table>
            </TableFrame>
            <Pagination page={page} setPage={setPage} perPage={perPage} totalCount={answer.result_info.total_count} />
          </>
        )}
      </Loaded>
      <InfoDialog open={shown !== null} onClose={() => setShown(null)} size="xl" title={shown?.action.type ?? ""} description={moment(shown?.when)}>
        <h3 className="mb-1 text-sm font-semibold">Before</h3>
        <Value text={shown?.oldValue} />
        <h3 className="mt-4 mb-1 text-sm font-semibold">After</h3>
        <Value text={shown?.newValue} />
      </InfoDialog>
    </Page>
  );
}

function Value(props: { text: string | undefined }) {
  let text = props.text ?? "";
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON: shown as it is.
  }
  return <pre className="m-0 overflow-x-auto rounded-md bg-kumo-recessed p-3 text-xs text-kumo-default">{text || "–"}</pre>;
}
