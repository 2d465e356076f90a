import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Table } from "@cloudflare/kumo/components/table";
import { useQuery } from "@tanstack/react-query";
import { api, result, type Schema } from "../api/client";
import { useAction } from "./action";
import { ago, moment } from "./format";
import { Card, Loaded, TableFrame } from "./page";

type Session = Schema<"OpenSession">;

const ways: Record<Session["way"], string> = { password: "Password", second_factor: "Password and code", token: "API token" };

/** A browser and a system out of what a browser says of itself; the whole of it where none is known. */
export function device(agent: string): string {
  const find = (known: [RegExp, string][]) => known.find(([mark]) => mark.test(agent))?.[1];
  const browser = find([
    [/Edg\//, "Edge"],
    [/OPR\//, "Opera"],
    [/Firefox\//, "Firefox"],
    [/Chrom(e|ium)\//, "Chrome"],
    [/Safari\//, "Safari"],
  ]);
  const system = find([
    [/iPhone|iPad/, "iOS"],
    [/Android/, "Android"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "macOS"],
    [/Linux/, "Linux"],
  ]);
  if (browser === undefined) return agent === "" ? "Unknown browser" : agent;
  return system === undefined ? browser : `${browser} on ${system}`;
}

/** Where the user is signed in, and a way to end each. */
export function SessionsCard() {
  const list = useQuery({ queryKey: ["user", "sessions"], queryFn: () => result(api.GET("/headwater/v1/user/sessions")) });
  const stale = [["user", "sessions"]];
  const end = useAction({
    done: "Session ended",
    stale,
    run: (s: Session) => result(api.DELETE("/headwater/v1/user/sessions/{session_id}", { params: { path: { session_id: s.id } } })),
  });
  const others = useAction({ done: "Other sessions ended", stale, run: () => result(api.DELETE("/headwater/v1/user/sessions")) });
  const more = (list.data ?? []).some((s) => !s.current);
  return (
    <Card
      title="Sessions"
      description="Where you are signed in. End what you do not know, and change your password then."
      actions={
        more && (
          <Button size="sm" loading={others.busy} onClick={() => others.run()}>
            End all others
          </Button>
        )
      }
    >
      <Loaded query={list}>
        {(sessions) => (
          <TableFrame label="Sessions">
            <Table className="dense cards">
              <Table.Header>
                <Table.Row>
                  <Table.Head>Browser</Table.Head>
                  <Table.Head>From</Table.Head>
                  <Table.Head>Signed in</Table.Head>
                  <Table.Head>Last used</Table.Head>
                  <Table.Head>Actions</Table.Head>
                </Table.Row>
              </Table.Header>
              <Table.Body>
                {sessions.map((s) => (
                  <Row key={s.id} session={s} onEnd={() => end.run(s)} />
                ))}
              </Table.Body>
            </Table>
          </TableFrame>
        )}
      </Loaded>
    </Card>
  );
}

function Row({ session: s, onEnd }: { session: Session; onEnd: () => void }) {
  return (
    <Table.Row>
      <Table.Cell className="break-words">
        <span title={s.user_agent}>{device(s.user_agent)}</span> {s.current && <Badge variant="info">This one</Badge>}
      </Table.Cell>
      <Table.Cell className="break-all">
        {s.last_ip ?? s.ip ?? "Unknown"}
        {s.ip !== s.last_ip && s.ip !== null && <span className="block text-sm text-kumo-subtle">signed in from {s.ip}</span>}
      </Table.Cell>
      <Table.Cell>
        {moment(s.created_on)}
        <span className="block text-sm text-kumo-subtle">{ways[s.way]}</span>
      </Table.Cell>
      <Table.Cell>{ago(s.last_used_on)}</Table.Cell>
      <Table.Cell>
        {!s.current && (
          <Button size="sm" aria-label={`End the session of ${device(s.user_agent)} from ${s.last_ip ?? "an unknown address"}`} onClick={onEnd}>
            End
          </Button>
        )}
      </Table.Cell>
    </Table.Row>
  );
}
