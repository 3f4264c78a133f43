# Hudhud as a container: docs/deploy.md says how to run it.
#   docker build -t hudhud .
FROM debian:trixie-slim AS build
WORKDIR /src
# What it needs first and alone: a change of the sources does not fetch it anew.
COPY tools/setup tools/setup
RUN tools/setup build
COPY . .
RUN cmake --preset release -DHUDHUD_TESTS=OFF \
    && cmake --build build/release --target hudhud \
    && DESTDIR=/installed cmake --install build/release --prefix /usr --strip

FROM debian:trixie-slim
COPY tools/setup /tmp/setup
# The number of the user is part of the contract: it owns the files of the volume.
RUN /tmp/setup run \
    && rm -rf /tmp/setup /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/hudhud \
        --shell /usr/sbin/nologin hudhud \
    && install -d -o hudhud -g hudhud -m 0700 /var/lib/hudhud
COPY --from=build /installed/usr /usr

ENV HUDHUD_DATA=/var/lib/hudhud/data \
    HUDHUD_LISTEN=:8080 \
    HUDHUD_OPS_LISTEN=127.0.0.1:9090
USER hudhud
VOLUME /var/lib/hudhud
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["hudhud", "health"]
# exec: hudhud is process 1 and gets the signals itself.
CMD ["/bin/sh", "-c", "[ -d \"$HUDHUD_DATA\" ] || hudhud init; exec hudhud serve"]
