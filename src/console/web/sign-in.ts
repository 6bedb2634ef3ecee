/** Asks for the token of the console. */
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';

/** @param wasRefused the one that was given is not one of this console */
export function signIn(wasRefused: boolean, onToken: (token: string) => void): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const token = new FormData(event.target as HTMLFormElement).get('token');
    if (typeof token === 'string' && token.trim() !== '') onToken(token.trim());
  };
  return html`<main class="alone">
    <h1>dimseway</h1>
    <form @submit=${submit}>
      <label class="field">
        <span>Token of this console</span>
        <input
          name="token"
          type="password"
          autocomplete="current-password"
          required
          autofocus
          aria-describedby="token-hint"
        />
      </label>
      <p id="token-hint" class="note">
        One of <code>console.tokens</code> in the configuration. It is kept in this tab, and forgotten with it.
      </p>
      ${wasRefused ? html`<p class="box fail" role="alert">The token is not one of this console.</p>` : nothing}
      <button type="submit" class="main">Sign in</button>
    </form>
  </main>`;
}
