import { WavesIcon } from "@phosphor-icons/react";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { sessionQuery } from "../api/queries";
import { SignInForm } from "../ui/sign-in-form";

/** An address on this server; browsers read "//" and "/\\" as the beginning of another's. */
export function inside(to: string | undefined): string {
  return to !== undefined && /^\/(?![/\\])/.test(to) ? to : "/";
}

/** Signing in, and on to where somebody wanted to go. */
export default function SignIn() {
  const client = useQueryClient();
  const router = useRouter();
  const { to } = useSearch({ from: "/sign-in" });
  useEffect(() => {
    document.title = "Log in | Headwater";
  }, []);
  return (
    <main className="flex min-h-screen items-center justify-center bg-kumo-canvas p-4 text-kumo-default">
      <div className="grid w-full max-w-6xl overflow-hidden rounded-xl bg-kumo-base ring ring-kumo-hairline md:min-h-[36rem] md:grid-cols-2">
        <div className="flex flex-col justify-between gap-8 border-b border-kumo-hairline p-6 sm:p-8 md:border-r lg:p-14 md:border-b-0">
          <p className="m-0 flex items-center gap-2 text-lg font-semibold">
            <WavesIcon className="size-7 text-kumo-info" weight="bold" aria-hidden />
            Headwater
          </p>
          <div>
            <p className="m-0 text-2xl font-semibold text-balance lg:text-4xl">The primary that your secondaries follow.</p>
            <p className="mt-3 mb-0 text-base text-kumo-subtle lg:text-lg">Zones, records and signatures, and who holds which version of them.</p>
          </div>
          <p className="m-0 text-sm break-all text-kumo-subtle">{window.location.host}</p>
        </div>
        <div className="flex flex-col justify-center p-6 sm:p-8 lg:p-14">
          <h1 className="mt-0 mb-6 text-2xl font-semibold">Log in to Headwater</h1>
          <SignInForm
            to={inside(to)}
            onSignedIn={(session) => {
              client.clear();
              client.setQueryData(sessionQuery.queryKey, session);
              router.history.push(inside(to));
            }}
          />
          <details className="mt-6 text-sm text-kumo-subtle">
            <summary>Forgot the password?</summary>
            <p className="mt-2 mb-0">
              Whoever runs this server sets a new one there: <code className="font-mono text-kumo-default">headwater admin reset</code>.
            </p>
          </details>
        </div>
      </div>
    </main>
  );
}
