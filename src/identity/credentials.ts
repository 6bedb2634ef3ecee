/** What an upstream on the web is shown. */
import type { CertificateFacts } from '../tls/tls-options.ts';

export interface ClientCredentialsOptions {
  /** https, or http to this machine. */
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes?: readonly string[] | undefined;
  /** Whom the token is for, where the provider asks for it. */
  readonly audience?: string | undefined;
  /** How the client shows who it is (RFC 6749 2.3.1); default `basic`. */
  readonly clientAuthentication?: 'basic' | 'post' | undefined;
}

export type OwnCredentialsOptions =
  | { readonly bearer: string }
  | { readonly basic: { readonly user: string; readonly password: string } }
  | { readonly oauth2: ClientCredentialsOptions };

export type CredentialsOptions =
  | OwnCredentialsOptions
  /** The bearer token of the requester; `else`: where it has none, such as from the spool. */
  | { readonly passOn: true; readonly else?: OwnCredentialsOptions | undefined };

export interface Credentials {
  /**
   * The field `Authorization`, undefined where none is sent.
   * @param bearer token of the requester
   * @throws ServiceFailure when there are none to be had
   */
  authorization(bearer: string | undefined): Promise<string | undefined>;
  /** The far end answered 401 to it. @returns whether others may be had at once */
  refused(authorization: string): boolean;
  /** By which the identity provider is trusted. */
  certificates(): readonly CertificateFacts[];
  close(): Promise<void>;
}
