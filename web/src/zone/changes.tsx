import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { auditQuery, changesOf, told } from "../audit/entries";
import { ago, moment } from "../ui/format";
import { Card, Loaded, Skeleton } from "../ui/page";
import { useMay } from "../ui/rights";

/** How many changes the overview shows. */
const recent = 8;

/** Who changed what last. */
export function ChangesCard(props: { account: string; zone: string }) {
  const may = useMay(props.account, "Account Settings Read");
  const log = useQuery({ ...auditQuery(props.account, { zone: props.zone, page: 1 }, 50), enabled: may });
  if (!may) return null;
  return (
    <Card title="Last changes" actions={<Link href={`/${props.account}/audit-log?zone=${encodeURIComponent(props.zone)}`}>All changes</Link>}>
      <Loaded query={log} waiting={<Skeleton />}>
        {(answer) =>
          answer.result.length === 0 ? (
            <p className="m-0 text-sm text-kumo-subtle">Nothing was changed yet.</p>
          ) : (
            <ol className="m-0 flex list-none flex-col p-0">
              {changesOf(answer.result)
                .slice(0, recent)
                .map((c) => (
                  <li key={c.first.id} className="grid gap-x-4 border-b border-kumo-hairline py-1.5 text-sm last:border-0 sm:grid-cols-[7rem_1fr_auto]">
                    <time dateTime={c.first.when} title={moment(c.first.when)} className="text-kumo-subtle">
                      {ago(c.first.when)}
                    </time>
                    <span className="min-w-0 break-words">{told(c)}</span>
                    <span className="dim break-all">{c.first.actor.email ?? "–"}</span>
                  </li>
                ))}
            </ol>
          )
        }
      </Loaded>
    </Card>
  );
}
