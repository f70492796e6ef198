# The JAR that ./mvnw package made, on a JRE alone. Runs as a numbered user on a read-only file
# system; /tmp, if there is one, is the one place that is written to. A release puts the digest of the base image
# behind its tag, as CONTRIBUTING.md says.
FROM eclipse-temurin:21.0.9_10-jre-noble

COPY --chmod=0444 target/flow-instance-routes.jar /app/flow-instance-routes.jar

# The classes of a start, ready for the next one (JEP 350): it takes half the time. Started for
# ten seconds, without anything there that it could reach.
RUN ENOS_BASE_URL=http://localhost:1 KAFKA_BOOTSTRAP_SERVERS=localhost:1 ENOS_AUTH=none \
    ENOS_USER_ID=none ENOS_ORG_ID=none \
    timeout --preserve-status 10 \
    java -XX:ArchiveClassesAtExit=/app/classes.jsa -jar /app/flow-instance-routes.jar > /dev/null \
    && chmod 0444 /app/classes.jsa

# The heap's share of the container's memory, so that 512 MiB suffice; a process out of memory ends and is started again.
# A variable, so that a deployment can give its own in place of them.
ENV JAVA_TOOL_OPTIONS="-XX:MaxRAMPercentage=60 -XX:+ExitOnOutOfMemoryError"

USER 10001:10001
EXPOSE 9876
ENTRYPOINT ["java", "-XX:SharedArchiveFile=/app/classes.jsa", "-jar", "/app/flow-instance-routes.jar"]
