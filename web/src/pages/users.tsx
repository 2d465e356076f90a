import { Badge } from "@cloudflare/kumo/components/badge";
import { Button } from "@cloudflare/kumo/components/button";
import { Pagination } from "@cloudflare/kumo/components/pagination";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, call, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { DataTable } from "../ui/data-table";
import { ConfirmDialog } from "../ui/dialogs";
import { Loaded, Page } from "../ui/page";

type User = Schema<"UserState">;
type What = "suspend" | "admit" | "sessions" | "factor" | "tokens" | "key";
type Doing = { what: What; user: User };

const perPage = 50;

/** What each act is called, and what follows from it. */
const acts: Record<What, { title: string; submit: string; text: string; done: string }> = {
  suspend: { title: "Suspend user", submit: "Suspend", text: "comes in by no credential, and all sessions end. Tokens and the key work again when the user is let in again.", done: "User suspended" },
  admit: { title: "Let user in again", submit: "Let in", text: "may sign in again, and tokens and the key work again.", done: "User let in again" },
  sessions: { title: "End all sessions", submit: "End sessions", text: "has to sign in again everywhere.", done: "Sessions ended" },
  factor: { title: "Take the second factor away", submit: "Take away", text: "signs in by the password alone until a new second factor is set up: authenticator, passkeys and recovery codes open nothing any more, and all sessions end.", done: "Second factor taken away" },
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
            <DataTable
              label="Users"
              rows={answer.result}
              id={(u) => u.id}
              columns={[
                { head: "E-mail", className: "font-medium break-all", cell: (u) => u.email },
                {
                  head: "Status",
                  cell: (u) => (
                    <Badge appearance="dot" variant={u.suspended ? "error" : "success"}>
                      {u.suspended ? "Suspended" : "Active"}
                    </Badge>
                  ),
                },
                { head: "Actions", cell: (u) => <Acts user={u} onDo={(what) => setDoing({ what, user: u })} /> },
              ]}
            />
            <div className="pager">
              <Pagination page={page} setPage={setPage} perPage={perPage} totalCount={answer.result_info.total_count} />
            </div>
          </>
        )}
      </Loaded>
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

/** What can be done to somebody. What ends access altogether stands first, the rest steps back. */
function Acts({ user, onDo }: { user: User; onDo: (what: What) => void }) {
  const button = (what: What, text: string, variant: "secondary" | "ghost" = "ghost") => (
    <Button size="sm" variant={variant} aria-label={`${text}: ${user.email}`} onClick={() => onDo(what)}>
      {text}
    </Button>
  );
  return (
    <span className="flex flex-wrap gap-1">
      {user.suspended ? button("admit", "Let in", "secondary") : button("suspend", "Suspend", "secondary")}
      {button("sessions", "End sessions")}
      {user.second_factor && button("factor", "Take second factor")}
      {button("tokens", "Revoke tokens")}
      {button("key", "Revoke key")}
    </span>
  );
}
