import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { Fact } from "../ui/fact";
import { ago, moment, octets, span } from "../ui/format";
import { Notice } from "../ui/notice";
import { Card, Loaded } from "../ui/page";
import { serverNowQuery } from "./health";

type Backups = Schema<"BackupFacts">;

/** How it stands with the backups that the server makes by schedule. */
export function BackupsCard() {
  const server = useQuery(serverNowQuery);
  return (
    <Card title="Backups">
      <Loaded query={server}>
        {(s) =>
          s?.backups ? (
            <Made backups={s.backups} />
          ) : (
            <p className="m-0 text-sm text-kumo-subtle">
              None are made by schedule: <code className="font-mono">--backup-to</code> says where to. <code className="font-mono">headwater backup</code> makes one at once.
            </p>
          )
        }
      </Loaded>
    </Card>
  );
}

function Made({ backups: b }: { backups: Backups }) {
  return (
    <div className="flex flex-col gap-4">
      {b.error !== "" && <Notice variant="alert" title="The last attempt failed" description={b.error} />}
      <dl className="m-0 flex flex-wrap gap-x-10 gap-y-3">
        <Fact name="Made every">{span(b.every_seconds)}</Fact>
        <Fact name="Kept">{b.keep === 0 ? "All" : `The last ${b.keep.toLocaleString("en")}`}</Fact>
        {b.here ? (
          <>
            <Fact name="Last one">{b.last ? <time dateTime={b.last} title={moment(b.last)}>{`${ago(b.last)}, ${b.name}, ${octets(b.octets)}`}</time> : "None yet"}</Fact>
            {b.failed > 0 && <Fact name="Attempts that failed since the start">{b.failed.toLocaleString("en")}</Fact>}
          </>
        ) : (
          <Fact name="Last one">Another node makes them, and knows</Fact>
        )}
      </dl>
    </div>
  );
}
