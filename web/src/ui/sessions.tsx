import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { useQuery } from "@tanstack/react-query";
import { api, result, type Schema } from "../api/client";
import { useAction } from "./action";
import { DataTable } from "./data-table";
import { ago, moment } from "./format";
import { Card, Loaded } from "./page";

type Session = Schema<"OpenSession">;

const ways: Record<Session["way"], string> = { password: "Password", second_factor: "Password and second factor", passkey: "Passkey", token: "API token", provider: "Provider", provider_factor: "Provider and second factor" };

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
          <DataTable
            label="Sessions"
            rows={sessions}
            id={(s) => s.id}
            columns={[
              { head: "Browser", className: "break-words", cell: (s) => <Browser session={s} /> },
              { head: "From", className: "break-all", cell: (s) => <Address session={s} /> },
              {
                head: "Signed in",
                named: true,
                cell: (s) => (
                  <>
                    {moment(s.created_on)}
                    <span className="block text-sm text-kumo-subtle">{ways[s.way]}</span>
                  </>
                ),
              },
              { head: "Last used", named: true, cell: (s) => ago(s.last_used_on) },
              {
                head: "Actions",
                cell: (s) =>
                  !s.current && (
                    <Button size="sm" aria-label={`End the session of ${device(s.user_agent)} from ${s.last_ip ?? "an unknown address"}`} onClick={() => end.run(s)}>
                      End
                    </Button>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
    </Card>
  );
}

function Browser({ session: s }: { session: Session }) {
  return (
    <>
      <span title={s.user_agent}>{device(s.user_agent)}</span> {s.current && <Badge variant="info">This one</Badge>}
    </>
  );
}

function Address({ session: s }: { session: Session }) {
  return (
    <>
      {s.last_ip ?? s.ip ?? "Unknown"}
      {s.ip !== s.last_ip && s.ip !== null && <span className="block text-sm text-kumo-subtle">signed in from {s.ip}</span>}
    </>
  );
}
