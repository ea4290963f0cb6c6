import theme from "vitepress/theme-without-fonts";
import "./fonts.css";

export default theme;
