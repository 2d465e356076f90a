import { Empty } from "@cloudflare/kumo/components/empty";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { accountCurvesQuery } from "../api/insight";
import { moment } from "../ui/format";
import { Card, Loaded, Page, Skeleton } from "../ui/page";
import { useMay } from "../ui/rights";
import { LagBars, TransferBars } from "../zone/curves";
import { PeriodChoice, QueryBars } from "../zone/queries";

/** What all zones of an account were asked, what secondaries fetched, and how long that took. */
export default function Traffic() {
  const from = "/signed-in/$account/traffic";
  const { account } = useParams({ from });
  const { period = "day" } = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/traffic" });
  const may = useMay(account, "Account Settings Read");
  const curves = useQuery({ ...accountCurvesQuery(account, period), enabled: may });
  return (
    <Page title="Traffic" description="All zones of the account together." actions={<PeriodChoice value={period} onChange={(p) => void navigate({ search: { period: p === "day" ? undefined : p }, replace: true })} />}>
      {!may ? (
        <Empty title="Not for your role" description="Who may read the account's settings sees what its zones were asked." />
      ) : (
        <Loaded query={curves} waiting={<Skeleton />}>
          {(c) =>
            c === null ? (
              <Empty title="Nothing is counted" description="This server does not count queries and transfers." />
            ) : (
              <>
                <Card title="Queries">
                  <div className="flex flex-col gap-2">
                    <QueryBars label="Queries for all zones" queries={{ ...c, cells: c.cells.map((x) => x.queries), total: c.classes.map((_, i) => c.cells.reduce((n, x) => n + (x.queries[i] ?? 0), 0)) }} />
                    <p className="m-0 text-sm text-kumo-subtle">{`Counted since ${moment(c.since)}. Secondaries count their own.`}</p>
                  </div>
                </Card>
                <Card title="Transfers">
                  <TransferBars curves={c} />
                </Card>
                <Card title="Time until secondaries had a version">
                  <LagBars curves={c} />
                </Card>
              </>
            )
          }
        </Loaded>
      )}
    </Page>
  );
}
