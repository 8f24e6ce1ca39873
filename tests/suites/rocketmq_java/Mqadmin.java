import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * The real mqadmin, one command for each line of the input: its words are separated by tabs. What
 * each says ends with a line of its own. `Mqadmin [USER PASSWORD]`.
 */
public final class Mqadmin {
    public static void main(String[] args) throws Exception {
        RPCHook hook = args.length < 2 ? null
            : new AclClientRPCHook(new SessionCredentials(args[0], args[1]));
        PrintStream out = System.out;
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            ByteArrayOutputStream said = new ByteArrayOutputStream();
            PrintStream captured = new PrintStream(said, true);
            System.setOut(captured);
            System.setErr(captured);
            MQAdminStartup.main0(line.split("\t"), hook);
            out.print(said);
            out.println("\nMQADMIN\tend");
            out.flush();
        }
        System.exit(0);
    }
}
