import { WavesIcon } from "@phosphor-icons/react";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { sessionQuery } from "../api/queries";
import { SignInForm } from "../ui/sign-in-form";

function inside(to: string | undefined): string {
  return to?.startsWith("/") && !to.startsWith("//") ? to : "/";
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
      <div className="w-full max-w-md rounded-xl bg-kumo-base p-6 ring ring-kumo-hairline sm:p-8">
        <h1 className="mt-0 mb-6 flex items-center gap-2 text-2xl font-semibold">
          <WavesIcon className="size-7 text-kumo-info" weight="bold" aria-hidden />
          Log in to Headwater
        </h1>
        <SignInForm
          onSignedIn={(session) => {
            client.clear();
            client.setQueryData(sessionQuery.queryKey, session);
            router.history.push(inside(to));
          }}
        />
      </div>
    </main>
  );
}
