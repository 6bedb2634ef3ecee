# The gateway as an image: built with all dependencies, run with those of production only, by an unprivileged user on a
# root file system that may be read-only. docs/deployment.md says how to run it, docker-compose.yml is an example.

FROM node:24-slim AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-update-notifier

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-update-notifier
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-slim
ENV NODE_ENV=production \
    DIMSEWAY_HOST=0.0.0.0 \
    DIMSEWAY_DATA=/var/lib/dimseway
# What is remembered of performed procedure steps must outlive the container.
RUN install -d -o node -g node -m 0750 /var/lib/dimseway
WORKDIR /app
COPY --from=production /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY config ./config
USER node
VOLUME ["/var/lib/dimseway"]
# DIMSE, DICOMweb, console.
EXPOSE 11112 8080 8090
STOPSIGNAL SIGTERM
# The health pages need no token.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.DIMSEWAY_CONSOLE_PORT || 8090}/health/ready`, { signal: AbortSignal.timeout(4000) }).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve", "--config", "config/gateway.yaml"]
