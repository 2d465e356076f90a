import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { Table } from "@cloudflare/kumo/components/table";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, call, result, type Schema } from "../api/client";
import { DNSOptionsCard } from "../server/dns-options";
import { useAction } from "../ui/action";
import { ConfirmDialog } from "../ui/dialogs";
import { Loaded, Page, TableFrame } from "../ui/page";

type User = Schema<"UserState">;
type What = "suspend" | "admit" | "sessions" | "factor" | "tokens" | "key";
type Doing = { what: What; user: User };

const perPage = 50;

/** What each act is called, and what follows from it. */
const acts: Record<What, { title: string; submit: string; text: string; done: string }> = {
  suspend: { title: "Suspend user", submit: "Suspend", text: "comes in by no credential, and all sessions end. Tokens and the key work again when the user is let in again.", done: "User suspended" },
  admit: { title: "Let user in again", submit: "Let in", text: "may sign in again, and tokens and the key work again.", done: "User let in again" },
  sessions: { title: "End all sessions", submit: "End sessions", text: "has to sign in again everywhere.", done: "Sessions ended" },
  factor: { title: "Take the second factor away", submit: "Take away", text: "signs in by the password alone until a new second factor is set up, and all sessions end.", done: "Second factor taken away" },
  tokens: { title: "Revoke all tokens", submit: "Revoke tokens", text: "loses all API tokens for good; programs that use them are refused.", done: "Tokens revoked" },
  key: { title: "Revoke the global key", submit: "Revoke key", text: "loses the global key for good; programs that use it are refused.", done: "Key revoked" },
};

function run({ what, user }: Doing): Promise<unknown> {
  const params = { params: { path: { user_id: user.id } } };
  switch (what) {
    case "sessions":
      return result(api.DELETE("/headwater/v1/users/{user_id}/sessions", params));
    case "factor":
      return result(api.DELETE("/headwater/v1/users/{user_id}/second_factor", params));
    case "tokens":
      return result(api.DELETE("/headwater/v1/users/{user_id}/tokens", params));
    case "key":
      return result(api.DELETE("/headwater/v1/users/{user_id}/key", params));
    default:
      return result(api.PATCH("/headwater/v1/users/{user_id}", { ...params, body: { suspended: what === "suspend" } }));
  }
}

/** All users of the server, for its administrators: who is shut out, and by what they may come in. */
export default function Users() {
  const [page, setPage] = useState(1);
  const [doing, setDoing] = useState<Doing | null>(null);
  const users = useQuery({
    queryKey: ["users", page],
    queryFn: () => call(api.GET("/headwater/v1/users", { params: { query: { page, per_page: perPage } } })),
  });
  const act = useAction({
    quiet: true,
    done: (_, d) => acts[d.what].done,
    stale: [["users"]],
    run,
    undo: (_, d) => (d.what === "suspend" ? () => run({ ...d, what: "admit" }) : undefined),
    then: () => setDoing(null),
  });
  return (
    <Page title="Users" description="Everybody who may sign in to this server.">
      <Loaded query={users}>
        {(answer) => (
          <>
            <TableFrame label="Users">
              <Table className="dense cards">
                <Table.Header>
                  <Table.Row>
                    <Table.Head>E-mail</Table.Head>
                    <Table.Head>Status</Table.Head>
                    <Table.Head>Actions</Table.Head>
                  </Table.Row>
                </Table.Header>
                <Table.Body>
                  {answer.result.map((u) => (
                    <UserRow key={u.id} user={u} onDo={(what) => setDoing({ what, user: u })} />
                  ))}
                </Table.Body>
              </Table>
            </TableFrame>
            <div className="pager">
              <Pagination page={page} setPage={setPage} perPage={perPage} totalCount={answer.result_info.total_count} />
            </div>
          </>
        )}
      </Loaded>
      <DNSOptionsCard />
      {doing && (
        <ConfirmDialog
          open
          title={acts[doing.what].title}
          text={`${doing.user.email} ${acts[doing.what].text}`}
          submit={acts[doing.what].submit}
          busy={act.busy}
          error={act.error}
          onClose={() => {
            setDoing(null);
            act.reset();
          }}
          onConfirm={() => act.run(doing)}
        />
      )}
    </Page>
  );
}

function UserRow({ user, onDo }: { user: User; onDo: (what: What) => void }) {
  const button = (what: What, text: string) => (
    <Button size="sm" aria-label={`${text}: ${user.email}`} onClick={() => onDo(what)}>
      {text}
    </Button>
  );
  return (
    <Table.Row>
      <Table.Cell className="font-medium break-all">{user.email}</Table.Cell>
      <Table.Cell>
        <Badge appearance="dot" variant={user.suspended ? "error" : "success"}>
          {user.suspended ? "Suspended" : "Active"}
        </Badge>
      </Table.Cell>
      <Table.Cell>
        <span className="flex flex-wrap gap-1">
          {user.suspended ? button("admit", "Let in") : button("suspend", "Suspend")}
          {button("sessions", "End sessions")}
          {user.second_factor && button("factor", "Take second factor")}
          {button("tokens", "Revoke tokens")}
          {button("key", "Revoke key")}
        </span>
      </Table.Cell>
    </Table.Row>
  );
}
