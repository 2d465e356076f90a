import { Button } from "@cloudflare/kumo/components/button";
import { useQuery } from "@tanstack/react-query";
import { api, result } from "../api/client";
import { useAction } from "./action";
import { FormError } from "./dialogs";
import { moment } from "./format";
import { Card, Loaded } from "./page";
import { useProof } from "./proof";

/** How one signs in here. */
export const waysQuery = { queryKey: ["ways"], staleTime: Infinity, queryFn: () => result(api.GET("/headwater/v1/session/ways")) };

/** Notes that what comes back under a state is to be linked; the tab alone knows. */
const linkMark = (state: string) => `headwater.link.${state}`;

/** Whether it is, once. */
export function takesLink(state: string): boolean {
  const mark = sessionStorage.getItem(linkMark(state)) !== null;
  sessionStorage.removeItem(linkMark(state));
  return mark;
}

/** Signing in at the provider, where there is one. */
export function ProviderButton(props: { to: string }) {
  const provider = useQuery(waysQuery).data?.provider;
  const begin = useAction({
    quiet: true,
    once: true,
    run: () => result(api.POST("/headwater/v1/session/provider", { body: { to: props.to } })),
    then: ({ url }) => window.location.assign(url),
  });
  if (!provider) return null;
  return (
    <div className="mb-5 flex flex-col gap-3">
      <FormError error={begin.error} />
      <Button size="lg" className="w-full justify-center" loading={begin.busy} onClick={() => begin.run()}>
        {provider.name}
      </Button>
    </div>
  );
}

/** As whom the provider knows the user; nothing where there is neither provider nor link. */
export function LoginsCard(props: { email: string }) {
  const provider = useQuery(waysQuery).data?.provider;
  const logins = useQuery({ queryKey: ["user", "logins"], queryFn: () => result(api.GET("/headwater/v1/user/logins")) });
  const proof = useProof({ email: props.email, label: "Your password for the link" });
  const begin = useAction({
    quiet: true,
    run: () => proof.show((p) => result(api.POST("/headwater/v1/user/logins", { body: { ...p, to: window.location.pathname } }))),
    then: ({ url }) => {
      sessionStorage.setItem(linkMark(new URL(url).searchParams.get("state") ?? ""), "1");
      window.location.assign(url);
    },
  });
  const remove = useAction({
    done: "Link removed",
    stale: [["user"]],
    run: (login_id: string) => result(api.DELETE("/headwater/v1/user/logins/{login_id}", { params: { path: { login_id } } })),
  });
  if (!provider && (logins.data ?? []).length === 0) return null;
  return (
    <Card title="Sign-in at a provider" description="Who is signed in there comes in here. Removing a link ends your other sessions.">
      <Loaded query={logins}>
        {(list) => (
          <ul className="m-0 mb-4 flex list-none flex-col gap-2 p-0" aria-label="Links">
            {list.map((l) => (
              <li key={l.id} className="flex flex-wrap items-center justify-between gap-2">
                <span className="min-w-0 break-all">
                  {l.email || l.subject} at {l.issuer}, since {moment(l.created_on)}
                </span>
                <Button size="sm" aria-label={`Remove the link of ${l.subject}`} onClick={() => remove.run(l.id)}>
                  Remove
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
      {provider && (
        <form
          className="flex max-w-md flex-col gap-4"
          onSubmit={(e) => {
            e.preventDefault();
            begin.run();
          }}
        >
          <FormError error={begin.error} />
          {proof.fields}
          <div>
            <Button type="submit" loading={begin.busy}>
              Link {provider.name}
            </Button>
          </div>
        </form>
      )}
    </Card>
  );
}
