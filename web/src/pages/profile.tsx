import { Button } from "@cloudflare/kumo/components/button";
import { ClipboardText } from "@cloudflare/kumo/components/clipboard-text";
import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, result, type Schema } from "../api/client";
import { invitationsQuery, userQuery } from "../api/queries";
import { readSession } from "../api/session";
import { useAction } from "../ui/action";
import { FormError } from "../ui/dialogs";
import { FactorCard } from "../ui/factor";
import { Card, Columns, Loaded, Page } from "../ui/page";
import { PasskeysCard } from "../ui/passkeys";
import { LoginsCard } from "../ui/provider";
import { SessionsCard } from "../ui/sessions";

/** The user's own name, password and global key. */
export default function Profile() {
  const user = useQuery(userQuery);
  return (
    <Page title="My Profile" description={user.data?.email}>
      <Loaded query={user}>
        {(u) => (
          <>
            <Invitations />
            <Columns
              left={
                <>
                  <NameCard user={u} />
                  <PasswordCard email={u.email} />
                </>
              }
              right={
                <>
                  <FactorCard email={u.email} />
                  <PasskeysCard email={u.email} />
                  <LoginsCard email={u.email} />
                  <KeyCard email={u.email} />
                </>
              }
            />
            <SessionsCard />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Form(props: { onSubmit: () => void; error: Error | null; busy: boolean; submit: string; children: ReactNode }) {
  return (
    <form
      className="flex max-w-md flex-col gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        props.onSubmit();
      }}
    >
      <FormError error={props.error} />
      {props.children}
      <div>
        <Button type="submit" variant="primary" loading={props.busy}>
          {props.submit}
        </Button>
      </div>
    </form>
  );
}

/** Accounts that have asked; nothing while there are none. */
function Invitations() {
  const list = useQuery(invitationsQuery).data ?? [];
  const answer = useAction({
    done: "Answered",
    stale: [["invitations"], ["accounts"], ["session"]],
    run: ({ id, status }: { id: string; status: "accepted" | "rejected" }) =>
      result(api.PUT("/client/v4/memberships/{membership_id}", { params: { path: { membership_id: id } }, body: { status } })),
  });
  if (list.length === 0) return null;
  return (
    <Card title="Invitations" description="These accounts ask you to become a member.">
      <ul className="m-0 flex list-none flex-col gap-3 p-0">
        {list.map((m) => (
          <li key={m.id} className="flex flex-wrap items-center gap-2">
            <span className="grow">
              {m.account.name} · {m.roles.join(", ")}
            </span>
            <Button size="sm" variant="primary" aria-label={`Accept ${m.account.name}`} onClick={() => answer.run({ id: m.id, status: "accepted" })}>
              Accept
            </Button>
            <Button size="sm" aria-label={`Reject ${m.account.name}`} onClick={() => answer.run({ id: m.id, status: "rejected" })}>
              Reject
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function NameCard(props: { user: Schema<"User"> }) {
  const [first, setFirst] = useState(props.user.first_name ?? "");
  const [last, setLast] = useState(props.user.last_name ?? "");
  const save = useAction({
    quiet: true,
    done: "Name saved",
    stale: [["user"], ["session"]],
    run: () => result(api.PATCH("/headwater/v1/user", { body: { first_name: first, last_name: last } })),
  });
  return (
    <Card title="Name">
      <Form onSubmit={save.run} error={save.error} busy={save.busy} submit="Save name">
        <Input label="First name" autoComplete="given-name" value={first} onChange={(e) => setFirst(e.target.value)} />
        <Input label="Last name" autoComplete="family-name" value={last} onChange={(e) => setLast(e.target.value)} />
      </Form>
    </Card>
  );
}

function PasswordCard(props: { email: string }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const save = useAction({
    quiet: true,
    done: "Password changed",
    stale: [["user", "sessions"]],
    run: async () => {
      await result(api.PUT("/headwater/v1/user/password", { body: { current_password: current, new_password: next } }));
      // A new password ends all sessions of the old one; this one goes on under a new name.
      await readSession();
    },
    then: () => {
      setCurrent("");
      setNext("");
    },
  });
  return (
    <Card title="Password">
      <Form onSubmit={save.run} error={save.error} busy={save.busy} submit="Change password">
        <input type="hidden" autoComplete="username" value={props.email} readOnly />
        <Input label="Current password" type="password" autoComplete="current-password" required value={current} onChange={(e) => setCurrent(e.target.value)} />
        <Input
          label="New password"
          type="password"
          autoComplete="new-password"
          required
          minLength={10}
          description="At least 10 characters."
          value={next}
          error={save.at("/new_password")}
          onChange={(e) => setNext(e.target.value)}
        />
      </Form>
    </Card>
  );
}

function KeyCard(props: { email: string }) {
  const [password, setPassword] = useState("");
  const [key, setKey] = useState("");
  const roll = useAction({
    quiet: true,
    run: () => result(api.PUT("/headwater/v1/user/key", { body: { current_password: password } })),
    then: (value) => {
      setPassword("");
      setKey(value);
    },
  });
  return (
    <Card title="Global API Key" description="For clients that cannot use an API token. A new key ends the old one.">
      <Form onSubmit={roll.run} error={roll.error} busy={roll.busy} submit="Make a new key">
        <input type="hidden" autoComplete="username" value={props.email} readOnly />
        <Input label="Your password for the key" type="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
      </Form>
      {key !== "" && (
        <div className="mt-4" role="status">
          <p className="mt-0 mb-2 text-sm text-kumo-subtle">Your key. It is shown once.</p>
          <ClipboardText text={key} labels={{ copyAction: "Copy key" }} />
        </div>
      )}
    </Card>
  );
}
