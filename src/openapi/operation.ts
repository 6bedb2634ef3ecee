/** What can be asked of a server by HTTP, in the terms of OpenAPI 3.1; whoever has a table of routes writes it in these. */

export interface OpenApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly required?: boolean;
  readonly type?: 'string' | 'boolean' | 'integer';
  /** Given several times, or as a list. */
  readonly repeating?: boolean;
  readonly default?: string;
  readonly options?: readonly string[];
  /** Its name is not fixed: any name that the description allows, as a matching key has. */
  readonly isOpen?: boolean;
}

export interface OpenApiAnswer {
  readonly status: number;
  readonly description: string;
  /** Of the payload; absent: there is none. */
  readonly mediaTypes?: readonly string[];
}

export interface OpenApiOperation {
  readonly id: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'options';
  /** Below the server, with a slash in front; a name in braces stands for one segment. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly parameters: readonly OpenApiParameter[];
  /** Media types of the payload; absent: there is none. */
  readonly requestTypes?: readonly string[];
  /** A request without payload is right too. */
  readonly isPayloadOptional?: boolean;
  readonly answers: readonly OpenApiAnswer[];
}

export interface OpenApiServer {
  readonly title: string;
  readonly description: string;
  /** What the paths count from. */
  readonly url: string;
  /** What every request may be answered besides: its media types, and what it says. */
  readonly failure: { readonly description: string; readonly mediaTypes: readonly string[] };
  /** How a requester says who it is; none: nobody is asked. */
  readonly security: readonly SecurityScheme[];
  /** A request without any of these is right too. */
  readonly isSecurityOptional?: boolean;
}

export type SecurityScheme = 'bearer' | 'apiKey' | 'mutualTLS';
