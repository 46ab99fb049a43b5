//! `java`: Maven offline, ant, and javac.

use super::{outside, project, sh};
use crate::require;
use crate::support::{Feature, Jail};

pub const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>greet</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source>
    <maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
</project>
"#;

pub const PROGRAM: &str = "public class Greet {\n\
    public static String greet(String name) { return \"hello \" + name; }\n\
    public static void main(String[] words) { System.out.println(greet(\"world\")); }\n}\n";

/// The test runner takes a class of this name without any library.
pub const TEST: &str = "public class GreetTest {\n\
    public void testGreets() { if (!Greet.greet(\"you\").equals(\"hello you\")) throw new AssertionError(); }\n}\n";

const BUILD: &str = r#"<project default="run">
  <target name="run">
    <mkdir dir="out"/>
    <javac srcdir="src/main/java" destdir="out" includeantruntime="false"/>
    <jar destfile="greet.jar" basedir="out"/>
    <java classname="Greet" classpath="greet.jar" fork="true" failonerror="true"/>
  </target>
</project>
"#;

/// Packages that Debian's Maven brings, in the place of those that a user has downloaded.
pub const REPOSITORY: &str = "/usr/share/maven-repo";
pub const SUREFIRE: &str =
    "/usr/share/maven-repo/org/apache/maven/plugins/maven-surefire-plugin/2.12.4";

fn program() -> Jail {
    project("java")
        .file("pom.xml", POM)
        .file("build.xml", BUILD)
        .file("src/main/java/Greet.java", PROGRAM)
        .file("src/test/java/GreetTest.java", TEST)
}

#[test]
fn maven_packages_and_tests_with_plugins_downloaded_before() {
    require!(Feature::Program("mvn"));
    require!(Feature::Path(SUREFIRE));
    let jail = program().home_file(".m2/settings.xml", "<broken");
    outside(&jail, &format!("ln -s {REPOSITORY} ~/.m2/repository")).succeeds();
    // Outside Maven reads the settings; inside they are absent.
    outside(&jail, "MAVEN_OPTS=-Duser.home=$HOME mvn -o package 2>&1 | grep -i settings")
        .output_has("settings.xml");
    sh(&jail, "mvn -o package").output_has("Tests run: 1, Failures: 0").output_has("BUILD SUCCESS");
    sh(&jail, "java -cp target/greet-1.0.jar Greet").outputs("hello world\n");
}

#[test]
fn ant_compiles_and_runs() {
    require!(Feature::Program("ant"));
    require!(Feature::Program("javac"));
    let jail = program();
    sh(&jail, "ant").output_has("[java] hello world").output_has("BUILD SUCCESSFUL");
    assert!(jail.project().join("greet.jar").exists());
}

#[test]
fn javac_compiles_and_java_runs() {
    require!(Feature::Program("javac"));
    let jail = program();
    sh(&jail, "javac -d out src/*/java/*.java && java -cp out Greet").outputs("hello world\n");
}
