// The import rules of the house (CONTRIBUTING.md). A folder may import itself and what is listed; nothing else in src.
const allowed = {
  dataset: ['errors'],
  services: ['dataset', 'errors'],
  tls: ['errors'],
  access: ['services', 'tls', 'errors'],
  openapi: [],
  identity: ['services', 'tls', 'errors'],
  audit: ['dataset', 'services', 'observe', 'tls', 'errors'],
  config: ['dataset', 'services', 'tls', 'identity', 'errors'],
  store: ['services', 'dataset', 'errors'],
  observe: ['dataset', 'services', 'errors'],
  gateway: ['services', 'dataset', 'store', 'observe', 'config', 'errors'],
  dimse: ['services', 'dataset', 'observe', 'tls', 'access', 'identity', 'errors'],
  dicomweb: ['services', 'dataset', 'observe', 'tls', 'access', 'identity', 'openapi', 'version', 'errors'],
  ups: ['services', 'dataset', 'store', 'observe', 'tls', 'identity', 'dicomweb', 'errors'],
  ris: ['services', 'dataset', 'store', 'observe', 'errors'],
  papers: ['config', 'dimse', 'dicomweb', 'tls', 'identity', 'openapi', 'services', 'dataset', 'version', 'errors'],
  doctor: ['config', 'dimse', 'dicomweb', 'tls', 'services', 'dataset', 'errors'],
  console: [
    'observe',
    'config',
    'store',
    'services',
    'dataset',
    'ris',
    'tls',
    'access',
    'identity',
    'openapi',
    'errors',
  ],
};

/** What is no folder. */
const FILES = ['errors', 'version'];

const own = Object.entries(allowed).map(([folder, may]) => ({
  name: `${folder}-imports`,
  comment: `src/${folder} may import ${may.join(', ')} only`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: {
    path: '^src/',
    pathNot: `^src/(${[folder, ...may].map((m) => (FILES.includes(m) ? `${m}\\.ts` : `${m}/`)).join('|')})`,
  },
}));

export default {
  forbidden: [
    ...own,
    {
      name: 'only-types-from-config',
      comment: 'The gateway is handed parsed configuration; it reads none itself',
      severity: 'error',
      from: { path: '^src/gateway/' },
      to: { path: '^src/config/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-core',
      comment: 'dataset and services do no I/O (zlib computes, it does not read or write)',
      severity: 'error',
      from: { path: '^src/(dataset|services)/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|zlib|util|crypto)$' },
    },
    {
      name: 'app-only-from-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/app\\.ts$' },
    },
    {
      name: 'parts-only-from-app',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot:
          '^src/(cli/|app\\.ts|running\\.ts|parts\\.ts|console-parts\\.ts|observe-parts\\.ts|route-parts\\.ts|store-services\\.ts|upstream-parts\\.ts)',
      },
      to: {
        path: '^src/(parts|audit-parts|binding|running|console-parts|observe-parts|route-parts|security-parts|store-services|upstream-parts|housekeeping)\\.ts$',
      },
    },
    {
      name: 'cli-only-from-main',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(cli/|main\\.ts)' },
      to: { path: '^src/cli/' },
    },
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '@types/' },
    },
    {
      name: 'pages-stand-alone',
      comment: 'A browser gets the files of src/console/web and nothing else of src; types are gone by then',
      severity: 'error',
      from: { path: '^src/console/web/' },
      to: { path: '^src/', pathNot: '^src/console/web/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pages-only-in-browsers',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/console/web/' },
      to: { path: '^src/console/web/' },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      // Of the paths the browser asks the console for.
      to: { couldNotResolve: true, pathNot: '^/assets/lit-html/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};
